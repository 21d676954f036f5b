// Who may ask: Host header, Origin header, and the two health routes (ollama_wire.md §1.4).

#include "api/cors_policy.hpp"
#include "api/host_check.hpp"
#include "api_fixture.hpp"

namespace corral::api {
namespace {

class access : public test::api_test {};

TEST(host_check, allows_this_machine_and_private_addresses_only) {
    machine_identity machine;
    machine.hostname = "edge-box";
    machine.addresses = {boost::asio::ip::make_address("203.0.113.7")};
    const std::vector<std::pair<std::string, host_verdict>> rows{
        {"", host_verdict::allowed_name},
        {"localhost", host_verdict::allowed_name},
        {"LocalHost:11434", host_verdict::allowed_name},
        {"edge-box:11434", host_verdict::allowed_name},
        {"box.local", host_verdict::allowed_name},
        {"a.localhost:80", host_verdict::allowed_name},
        {"svc.internal", host_verdict::allowed_name},
        {"127.0.0.1:11434", host_verdict::allowed_address},
        {"127.9.9.9", host_verdict::allowed_address},
        {"0.0.0.0", host_verdict::allowed_address},
        {"10.1.2.3:1", host_verdict::allowed_address},
        {"172.16.0.1", host_verdict::allowed_address},
        {"172.31.0.1", host_verdict::allowed_address},
        {"172.32.0.1", host_verdict::refused},
        {"192.168.7.7", host_verdict::allowed_address},
        {"203.0.113.7:80", host_verdict::allowed_address},
        {"203.0.113.8", host_verdict::refused},
        {"[::1]:11434", host_verdict::allowed_address},
        {"::1", host_verdict::allowed_address},
        {"[fd00::1]", host_verdict::allowed_address},
        {"[2001:db8::1]", host_verdict::refused},
        {"[::ffff:192.168.1.1]", host_verdict::allowed_address},
        {"evil.example", host_verdict::refused},
        {"localhost.evil.example", host_verdict::refused},
        {"notlocal", host_verdict::refused},
    };
    for (const auto& [host, wanted] : rows) {
        EXPECT_EQ(judge_host(machine, host), wanted) << host;
    }
}

TEST(cors_policy, judges_origins) {
    const cors_policy policy("https://chat.example, chrome-extension://*");
    const std::vector<std::pair<std::string, cors_verdict>> rows{
        {"", cors_verdict::same_origin},
        {"http://box:11434", cors_verdict::same_origin},
        {"https://box:11434", cors_verdict::same_origin},
        {"http://localhost", cors_verdict::allowed},
        {"http://localhost:3000", cors_verdict::allowed},
        {"https://127.0.0.1:8443", cors_verdict::allowed},
        {"http://0.0.0.0:5173", cors_verdict::allowed},
        {"app://obsidian.md", cors_verdict::allowed},
        {"file://", cors_verdict::allowed},
        {"tauri://localhost", cors_verdict::allowed},
        {"vscode-webview://abc", cors_verdict::allowed},
        {"https://chat.example", cors_verdict::allowed},
        {"HTTPS://Chat.Example", cors_verdict::allowed},
        {"chrome-extension://abc", cors_verdict::allowed},
        {"moz-extension://abc", cors_verdict::refused},
        {"http://chat.example", cors_verdict::refused},
        {"http://evil.example", cors_verdict::refused},
        {"http://localhost.evil.example", cors_verdict::refused},
        {"null", cors_verdict::refused},
    };
    for (const auto& [origin, wanted] : rows) {
        EXPECT_EQ(policy.judge(origin, "box:11434"), wanted) << origin;
    }
    EXPECT_EQ(cors_policy("*").judge("http://any.example", "box"), cors_verdict::allowed);
}

TEST_F(access, refuses_a_foreign_host_with_an_empty_403) {
    const auto got = ask("GET", "/api/tags", {}, {{"Host", "evil.example"}});
    EXPECT_EQ(got->answer.status, 403U);
    EXPECT_EQ(got->answer.body, "");
}

TEST_F(access, does_not_check_the_host_beyond_loopback) {
    context.loopback_only = false;
    handler = make_api(context);
    EXPECT_EQ(ask("GET", "/api/tags", {}, {{"Host", "evil.example"}})->answer.status, 200U);
}

TEST_F(access, adds_cors_headers_for_an_allowed_origin_also_to_errors) {
    for (const char* path : {"/api/tags", "/nowhere"}) {
        const auto got = ask("GET", path, {}, {{"Origin", "http://localhost:3000"}});
        EXPECT_EQ(got->answer.headers.find("Access-Control-Allow-Origin"), "http://localhost:3000");
        EXPECT_EQ(got->answer.headers.find("Vary"), "Origin");
    }
    EXPECT_FALSE(ask("GET", "/api/tags")->answer.headers.contains("Access-Control-Allow-Origin"));
}

TEST_F(access, answers_a_preflight) {
    const auto got = ask("OPTIONS", "/api/chat", {}, {{"Origin", "app://obsidian.md"}});
    EXPECT_EQ(got->answer.status, 204U);
    EXPECT_EQ(got->answer.headers.find("Access-Control-Max-Age"), "43200");
    EXPECT_TRUE(
        got->answer.headers.find("Access-Control-Allow-Headers").starts_with("Authorization,Content-Type"));
    EXPECT_EQ(got->answer.headers.find("Access-Control-Allow-Methods"),
              "GET,POST,PUT,PATCH,DELETE,HEAD,OPTIONS");
    EXPECT_EQ(ask("OPTIONS", "/api/chat")->answer.status, 204U);
    EXPECT_EQ(ask("OPTIONS", "/api/chat", {}, {{"Origin", "http://evil.example"}})->answer.status, 403U);
}

TEST_F(access, refuses_a_foreign_origin_for_every_method) {
    for (const char* method : {"GET", "POST", "HEAD"}) {
        const auto got = ask(method, "/api/tags", {}, {{"Origin", "http://evil.example"}});
        EXPECT_EQ(got->answer.status, 403U);
        EXPECT_EQ(got->answer.body, "");
    }
}

TEST_F(access, healthz_lives_whatever_the_models_do) {
    backend.set(engine::availability_state::broken, "no device");
    const auto got = ask("GET", "/healthz");
    EXPECT_EQ(got->answer.status, 200U);
    EXPECT_EQ(got->answer.body, R"({"status":"ok"})");
}

TEST_F(access, readyz_tells_the_reason_and_the_state) {
    EXPECT_EQ(ask("GET", "/readyz")->answer.status, 200U);
    backend.set(engine::availability_state::loading, "loading layer 3");
    const auto loading = ask("GET", "/readyz");
    EXPECT_EQ(loading->answer.status, 503U);
    EXPECT_EQ(
        loading->answer.body,
        R"({"status":"loading","queue":{"waiting":0,"running":0},"models":[{"name":"tiny:latest","state":"loading","reason":"loading layer 3","progress":null}]})");
    backend.set(engine::availability_state::broken, "no device");
    const auto broken = ask("HEAD", "/readyz");
    EXPECT_EQ(broken->answer.status, 503U);
    EXPECT_NE(broken->answer.body.find(R"("status":"broken")"), std::string::npos);
}

}  // namespace
}  // namespace corral::api
