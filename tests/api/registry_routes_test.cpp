// Pull, push, blobs and the routes of Ollama's own service on a server that has none of that
// (docs/facts/ollama_wire.md#listings, #management).

#include "api_fixture.hpp"

namespace corral::api {
namespace {

class ollama_registry : public test::api_test {
protected:
    struct row {
        const char* send;
        std::string body;
        unsigned status;
        const char* type;
        std::string reply;
    };
    void expect(const std::vector<row>& rows) {
        for (const row& each : rows) {
            const std::string send = each.send;
            const auto space = send.find(' ');
            const auto got = ask(send.substr(0, space), send.substr(space + 1), each.body);
            EXPECT_EQ(got->answer.status, each.status) << send << " " << each.body;
            EXPECT_EQ(got->answer.content_type, each.type) << send << " " << each.body;
            EXPECT_EQ(got->answer.body, each.reply) << send << " " << each.body;
            EXPECT_TRUE(got->answer.finished);
        }
    }
    static constexpr const char* json = "application/json; charset=utf-8";
    static constexpr const char* bare_json = "application/json";
    static constexpr const char* lines = "application/x-ndjson";
    static std::string error(const std::string& text) { return R"({"error":")" + text + R"("})"; }
};

const std::string absent =
    "pull model manifest: file does not exist: clients may not pull or delete packages on this server; its "
    "operator can allow it with 'from_clients = true' in [pull], or use 'corral pull' and 'corral import'";

TEST_F(ollama_registry, pull) {
    const std::string success =
        "{\"status\":\"pulling manifest\"}\n{\"status\":\"verifying sha256 digest\"}\n"
        "{\"status\":\"writing manifest\"}\n{\"status\":\"success\"}\n";
    expect({
        {"POST /api/pull", R"({"model":"tiny"})", 200, lines, success},
        {"POST /api/pull", R"({"name":"TINY:latest","insecure":true,"stream":true})", 200, lines, success},
        {"POST /api/pull", R"({"model":"","name":"tiny"})", 200, lines, success},
        {"POST /api/pull", R"({"model":"tiny","stream":false})", 200, bare_json, R"({"status":"success"})"},
        {"POST /api/pull", R"({"model":"other"})", 200, lines,
         "{\"status\":\"pulling manifest\"}\n" + error(absent) + "\n"},
        {"POST /api/pull", R"({"model":"other","stream":false})", 500, bare_json, error(absent)},
        {"POST /api/pull", "{}", 400, json, error("invalid model name")},
        {"POST /api/pull", R"({"model":"a b"})", 400, json, error("invalid model name")},
        {"POST /api/pull", "", 400, json, error("missing request body")},
        {"POST /api/pull", R"({"model":1})", 400, json,
         error("json: cannot unmarshal number into Go struct field PullRequest.model of type string")},
    });
    EXPECT_EQ(ask("POST", "/api/pull", R"({"model":"tiny"})")->answer.writes.size(), 4U);
}

TEST_F(ollama_registry, push) {
    const std::string no_push =
        "this server does not push models to a registry; its operator can copy a model's folder to another "
        "box";
    expect({
        {"POST /api/push", R"({"model":"tiny"})", 200, lines,
         "{\"status\":\"retrieving manifest\"}\n" + error(no_push) + "\n"},
        {"POST /api/push", R"({"name":"other"})", 200, lines,
         "{\"status\":\"retrieving manifest\"}\n{\"status\":\"couldn't retrieve manifest\"}\n" +
             error("model 'other' not found") + "\n"},
        {"POST /api/push", R"({"model":"tiny","stream":false})", 500, bare_json, error(no_push)},
        {"POST /api/push", "{}", 400, json, error("model is required")},
        {"POST /api/push", R"({"model":"a b"})", 400, json, error("invalid model name")},
    });
}

TEST_F(ollama_registry, blobs) {
    const std::string known = "/api/blobs/sha256:" + std::string(64, 'a');
    const std::string head = "HEAD " + known;
    const std::string post = "POST " + known;
    const std::string dashed = "HEAD /api/blobs/sha256-" + std::string(64, '0');
    expect({
        {head.c_str(), "", 404, "", ""},
        {dashed.c_str(), "", 404, "", ""},
        {"HEAD /api/blobs/x", "", 400, "", ""},
        {"HEAD /api/blobs/sha256:abc", "", 400, "", ""},
        {post.c_str(), "bytes", 500, json,
         error("this server accepts no model files: it runs the models on its own box, and 'corral import' "
               "adds one")},
        {"POST /api/blobs/x", "bytes", 400, json, error("invalid digest format")},
        {"GET /api/blobs/x", "", 405, "text/plain", "405 method not allowed"},
        {"HEAD /api/blobs", "", 404, "text/plain", "404 page not found"},
    });
    EXPECT_EQ(ask("GET", "/api/blobs/x")->answer.headers.find("Allow"), "HEAD, POST");
}

TEST_F(ollama_registry, the_services_own_routes) {
    expect({
        {"GET /api/status", "", 200, json, R"({"cloud":{"disabled":true,"source":"env"}})"},
        {"POST /api/me", "", 401, json, error("unauthorized")},
        {"POST /api/signout", "", 401, json, error("unauthorized")},
        {"DELETE /api/user/keys/abc", "", 401, json, error("unauthorized")},
        {"POST /api/experimental/web_search", "{}", 403, json,
         error("ollama cloud is disabled: web search is unavailable")},
        {"POST /api/experimental/web_fetch", "{}", 403, json,
         error("ollama cloud is disabled: web fetch is unavailable")},
        {"GET /api/experimental/model-recommendations", "", 403, json,
         error("ollama cloud is disabled: model recommendations are unavailable")},
    });
}

TEST_F(ollama_registry, methods_are_those_of_ollama) {
    const std::vector<std::pair<const char*, const char*>> rows{
        {"/", "HEAD, GET"},
        {"/api/version", "HEAD, GET"},
        {"/api/tags", "HEAD, GET"},
        {"/api/ps", "GET"},
        {"/api/status", "GET"},
        {"/api/me", "POST"},
        {"/api/signout", "POST"},
        {"/api/user/keys/k", "DELETE"},
        {"/api/generate", "POST"},
        {"/api/chat", "POST"},
        {"/api/embed", "POST"},
        {"/api/embeddings", "POST"},
        {"/api/pull", "POST"},
        {"/api/push", "POST"},
        {"/api/create", "POST"},
        {"/api/copy", "POST"},
        {"/api/show", "POST"},
        {"/api/delete", "DELETE"},
        {"/api/blobs/x", "HEAD, POST"},
        {"/api/experimental/web_search", "POST"},
        {"/api/experimental/web_fetch", "POST"},
        {"/api/experimental/model-recommendations", "GET"},
    };
    for (const auto& [path, methods] : rows) {
        const auto got = ask("PUT", path);
        EXPECT_EQ(got->answer.status, 405U) << path;
        EXPECT_EQ(got->answer.body, "405 method not allowed");
        EXPECT_EQ(got->answer.headers.find("Allow"), methods) << path;
    }
    EXPECT_EQ(ask("HEAD", "/api/ps")->answer.status, 405U);
    for (const char* path : {"/api", "/health", "/api/nope", "/api/user/keys", "/api/tags/x"}) {
        const auto got = ask("GET", path);
        EXPECT_EQ(got->answer.status, 404U) << path;
        EXPECT_EQ(got->answer.body, "404 page not found");
    }
}

}  // namespace
}  // namespace corral::api
