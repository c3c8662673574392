// What a program in Java does with the generated client. Prints a word for each thing that went as it should.
import com.sun.net.httpserver.HttpServer;
import io.github.openwa.ApiClient;
import io.github.openwa.ApiException;
import io.github.openwa.api.AuthApi;
import io.github.openwa.api.EventsApi;
import io.github.openwa.api.MessagesApi;
import io.github.openwa.api.SessionsApi;
import io.github.openwa.api.WebhooksApi;
import io.github.openwa.model.*;
import java.net.InetSocketAddress;
import java.security.MessageDigest;
import java.util.HexFormat;
import java.util.List;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import javax.crypto.Mac;
import javax.crypto.spec.SecretKeySpec;

public class Drive {
    static final String SECRET = "a secret for the drive";
    static String url;

    interface Call { Object make() throws ApiException; }

    static ApiClient client(String key) {
        ApiClient made = new ApiClient();
        made.updateBaseUri(url);
        made.setRequestInterceptor(request -> request.header("X-API-Key", key));
        return made;
    }

    static void check(boolean so, Object what) {
        if (!so) throw new AssertionError(what);
    }

    static Problem refused(int status, Call call) {
        try {
            call.make();
        } catch (ApiException error) {
            Problem problem = error.getProblem();
            check(error.getCode() == status && problem.getStatus() == status, error);
            return problem;
        }
        throw new AssertionError("no " + status);
    }

    static String signature(byte[] body) throws Exception {
        Mac mac = Mac.getInstance("HmacSHA256");
        mac.init(new SecretKeySpec(SECRET.getBytes("UTF-8"), "HmacSHA256"));
        return "sha256=" + HexFormat.of().formatHex(mac.doFinal(body));
    }

    public static void main(String[] arguments) {
        try {
            drive(arguments);
            System.exit(0);
        } catch (Throwable error) {  // the endpoint's thread would keep the program alive
            error.printStackTrace();
            System.exit(1);
        }
    }

    static void drive(String[] arguments) throws Exception {
        url = arguments[0];
        AuthApi auth = new AuthApi(client(arguments[1]));
        ApiKeyCreated made = auth.createApiKey(new CreateApiKey().name("Drive").role(Role.OPERATOR), null);
        ApiKeyCreated viewer = auth.createApiKey(new CreateApiKey().name("Look").role(Role.VIEWER), null);
        ApiClient operator = client(made.getApiKey());
        System.out.println("keys");

        SessionsApi sessions = new SessionsApi(operator);
        sessions.create(new CreateSession().name("java"), null);
        sessions.start("java");
        while (sessions.get("java").getStatus() != SessionStatus.READY) Thread.sleep(50);
        System.out.println("session");

        BlockingQueue<WebhookEnvelope> deliveries = new LinkedBlockingQueue<>();
        HttpServer server = HttpServer.create(new InetSocketAddress("127.0.0.1", 0), 0);
        server.createContext("/", exchange -> {
            try {
                byte[] body = exchange.getRequestBody().readAllBytes();
                String given = exchange.getRequestHeaders().getFirst("X-OpenWA-Signature");
                if (MessageDigest.isEqual(signature(body).getBytes(), given.getBytes()))
                    deliveries.add(ApiClient.createDefaultObjectMapper().readValue(body, WebhookEnvelope.class));
            } catch (Exception error) {
                error.printStackTrace();
            }
            exchange.sendResponseHeaders(204, -1);
        });
        server.start();
        String endpoint = "http://127.0.0.1:" + server.getAddress().getPort() + "/";
        WebhooksApi hooks = new WebhooksApi(operator);
        Webhook hook = hooks.create("java", new CreateWebhook().url(endpoint).secret(SECRET)
            .events(List.of(WebhookEventName.MESSAGE_SENT)), null);
        check(hooks.listOfSession("java", null, null).get(0).getId().equals(hook.getId()), hook);

        MessagesApi messages = new MessagesApi(operator);
        SendText text = new SendText().chatId("447700900123@c.us").text("Hello from Java");
        SendResult sent = messages.sendText("java", text, null, null);
        System.out.println("text");
        String png = java.util.Base64.getEncoder().encodeToString(new byte[] {(byte) 0x89, 'P', 'N', 'G', 13, 10, 26, 10});
        SendMedia image = new SendMedia().chatId("447700900123@c.us").base64(png).mimetype("image/png");
        messages.sendImage("java", image, null, null);
        System.out.println("image");

        WebhookEnvelope told = deliveries.poll(20, TimeUnit.SECONDS);
        check("message.sent".equals(told.getEvent()), told);
        MessageData data = ApiClient.createDefaultObjectMapper().convertValue(told.getData(), MessageData.class);
        check("Hello from Java".equals(data.getBody()), data);
        System.out.println("webhook");

        List<Message> history = messages.listAll("java", null, null, 10, null).getMessages();
        check(history.size() == 2 && history.get(1).getWaMessageId().equals(sent.getMessageId()), history);
        EventPage page = new EventsApi(operator).listAll(null, null, null, null, List.of(EventType.MESSAGE_SENT), null);
        MessageSentEvent event = page.getEvents().get(0).getMessageSentEvent();
        check(event.getData().getId().equals(sent.getMessageId()), event);
        System.out.println("history");

        for (String name : List.of("java-2", "java-3")) sessions.create(new CreateSession().name(name), null);
        String[] names = {"java-3", "java-2", "java"};
        for (int offset = 0; offset < 3; offset++)
            check(sessions.listAll(1, offset).get(0).getName().equals(names[offset]), offset);
        System.out.println("pages");

        SendText wrong = new SendText().chatId("447700900123@c.us").text("");
        Problem problem = refused(400, () -> messages.sendText("java", wrong, null, null));
        check(problem.getCode().equals("invalid_request") && problem.getProblems().size() == 1, problem);
        refused(401, () -> new SessionsApi(client("no")).listAll(null, null));
        refused(403, () -> new SessionsApi(client(viewer.getApiKey())).create(new CreateSession().name("java"), null));
        Problem unknown = refused(404, () -> sessions.get("nobody"));
        check(unknown.getTitle().equals("Not Found") && unknown.getDetail().equals("Session 'nobody' not found"), unknown);
        check(unknown.getInstance().startsWith("urn:request:") && !unknown.getRetryable(), unknown);
        check(refused(409, () -> sessions.create(new CreateSession().name("java"), null)).getCode().equals("conflict"), 409);
        System.out.println("errors");
        sessions.delete("java");
    }
}
