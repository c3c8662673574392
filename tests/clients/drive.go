// What a program in Go does with the generated client. Prints a word for each thing that went as it should.
package main

import (
	"context"
	"fmt"
	"os"
	"strings"
	"time"

	openwa "github.com/openwa-gateway/openwa-gateway-client-go"
)

func must(err error) {
	if err != nil {
		panic(err)
	}
}

func main() {
	configuration := openwa.NewConfiguration()
	configuration.Servers = openwa.ServerConfigurations{{URL: os.Args[1]}}
	client := openwa.NewAPIClient(configuration)
	key := map[string]openwa.APIKey{"apiKey": {Key: os.Args[2]}}
	ctx := context.WithValue(context.Background(), openwa.ContextAPIKeys, key)

	_, _, err := client.SessionsAPI.Create(ctx).CreateSession(*openwa.NewCreateSession("golang")).Execute()
	must(err)
	_, _, err = client.SessionsAPI.Start(ctx, "golang").Execute()
	must(err)
	for ready := false; !ready; time.Sleep(50 * time.Millisecond) {
		session, _, err := client.SessionsAPI.Get(ctx, "golang").Execute()
		must(err)
		ready = session.Status == "ready"
	}
	fmt.Println("session")
	text := *openwa.NewSendText("447700900123@c.us", "Hello from Go")
	sent, _, err := client.MessagesAPI.SendText(ctx, "golang").SendText(text).Execute()
	must(err)
	if sent.MessageId == "" {
		panic("no id")
	}
	fmt.Println("text")
	_, _, err = client.SessionsAPI.Get(ctx, "nobody").Execute()
	problem := openwa.ProblemOf(err)
	if problem.Status != 404 || problem.Detail != "Session 'nobody' not found" || problem.Code != "not_found" {
		panic(fmt.Sprint(problem))
	}
	if problem.Title != "Not Found" || !strings.HasPrefix(problem.Instance, "urn:request:") {
		panic(fmt.Sprint(problem))
	}
	if openwa.ProblemOf(fmt.Errorf("another")) != nil {
		panic("no problem of the gateway's")
	}
	fmt.Println("errors")
}
