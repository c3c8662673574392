"""What the generators leave as text: the error of a call, as the gateway's problem, in each language's own manner.

Python and TypeScript have it: `error.data`, and the `error` of an answer.
"""

from pathlib import Path

_JAVA = """
    /**
     * What the gateway says of the error: status, title, detail, code, retryable; null where it said nothing.
     *
     * @return the problem
     */
    public io.github.openwa.model.Problem getProblem() {
        try {
            return responseBody == null ? null : ApiClient.createDefaultObjectMapper()
                .readValue(responseBody, io.github.openwa.model.Problem.class);
        } catch (java.io.IOException spokenByAnother) {
            return null;
        }
    }
"""
_PHP = """
    /**
     * What the gateway says of the error: status, title, detail, code, retryable; null where it said nothing.
     *
     * @return \\OpenWA\\Model\\Problem|null
     */
    public function getProblem()
    {
        if ($this->responseObject instanceof \\OpenWA\\Model\\Problem) {
            return $this->responseObject;
        }
        $told = is_string($this->responseBody) ? json_decode($this->responseBody) : $this->responseBody;
        return isset($told->code) ? ObjectSerializer::deserialize($told, '\\OpenWA\\Model\\Problem') : null;
    }
"""
_CSHARP = """
        /// <summary>
        /// What the gateway says of the error: status, title, detail, code, retryable; null where it said nothing.
        /// </summary>
        public global::OpenWA.Gateway.Client.Model.Problem Problem
        {
            get
            {
                try
                {
                    return Newtonsoft.Json.JsonConvert.DeserializeObject<global::OpenWA.Gateway.Client.Model.Problem>(
                        ErrorContent as string ?? "");
                }
                catch (Exception)
                {
                    return null;
                }
            }
        }
"""
_GO = """package openwa

import (
	"encoding/json"
	"errors"
)

// ProblemOf is what the gateway says of the error that a call returned: status, title, detail, code, whether to retry.
// It is nil where the gateway said nothing.
func ProblemOf(err error) *Problem {
	var failed *GenericOpenAPIError
	if !errors.As(err, &failed) {
		return nil
	}
	var problem Problem
	if json.Unmarshal(failed.Body(), &problem) != nil {
		return nil
	}
	return &problem
}
"""
# The class that gets a method, by how many braces end behind it; and files of their own.
_METHODS = {
    "java": ("src/main/java/io/github/openwa/ApiException.java", 1, _JAVA),
    "php": ("lib/ApiException.php", 1, _PHP),
    "csharp": ("src/OpenWA.Gateway.Client/Client/ApiException.cs", 2, _CSHARP),
}
_FILES = {"go": ("problem_of.go", _GO)}


def tell(language: str, folder: Path) -> None:
    """Give the package of this language in the folder its typed error."""
    if language in _FILES:
        name, text = _FILES[language]
        (folder / name).write_text(text)
    if language in _METHODS:
        name, braces, method = _METHODS[language]
        file = folder / name
        *parts, _ = file.read_text().rsplit("}", braces)
        ends = "".join(f"{'    ' * left}}}\n" for left in reversed(range(braces)))
        file.write_text(f"{parts[0].rstrip()}\n{method}{ends}")
