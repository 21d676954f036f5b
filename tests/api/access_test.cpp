// Who may ask: Host header, Origin header, API key, and the two health routes
// (docs/facts/ollama_wire.md#hosts-and-origins).

#include <algorithm>
#include <future>

#include <boost/asio/detached.hpp>

#include "api/door/access_check.hpp"
#include "api/door/origin_check.hpp"
#include "api_fixture.hpp"
#include "corral/api/operator_desk.hpp"
#include "corral/catalog/package_survey.hpp"
#include "corral/config/session_seal.hpp"
#include "corral/core/worker.hpp"

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
        {"[::1]evil.example", host_verdict::refused},
        {"[::1", host_verdict::refused},
        {"[", host_verdict::refused},
        {"[::ffff:192.168.1.1]", host_verdict::allowed_address},
        {"evil.example", host_verdict::refused},
        {"localhost.evil.example", host_verdict::refused},
        {"notlocal", host_verdict::refused},
    };
    for (const auto& [host, wanted] : rows) {
        EXPECT_EQ(judge_host(machine, host), wanted) << host;
        const std::string name = host_without_port(host);
        const bool own = wanted == host_verdict::allowed_address || name.empty() || name == "localhost" ||
                         name == "edge-box";
        EXPECT_EQ(names_this_machine(machine, host), own) << host;
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

TEST_F(access, while_closed_is_for_the_question_of_life_alone) {
    context.closed = "this server accepts no requests yet, because it waits";
    handler = make_api(context);
    EXPECT_EQ(ask("GET", "/healthz")->answer.status, 200U);
    for (const char* path : {"/", "/api/tags", "/v1/models", "/metrics", "/nothing"}) {
        const auto refused = ask("GET", path);
        EXPECT_EQ(refused->answer.status, 503U) << path;
        EXPECT_NE(refused->answer.body.find("accepts no requests yet"), std::string::npos) << path;
        EXPECT_EQ(refused->answer.headers.find("Retry-After"), "5");
    }
    const auto ready = ask("GET", "/readyz");
    EXPECT_EQ(ready->answer.status, 503U);
    EXPECT_NE(ready->answer.body.find("\"status\":\"closed\""), std::string::npos);
}

TEST_F(access, who_asks_for_figures_again_and_again_delays_another_client_by_one_page) {
    core::worker elsewhere;
    std::promise<void> free;
    std::vector<std::string> order;
    context.decoding = &elsewhere;
    context.metrics = [&] {
        return [&order, who = peer] {
            order.push_back(who);
            return std::string();
        };
    };
    handler = make_api(context);
    std::function<void()> busy = [until = free.get_future().share()] { until.wait(); };
    boost::asio::co_spawn(io, elsewhere.run(std::move(busy)), boost::asio::detached);
    test::settle(io);
    std::vector<std::shared_ptr<test::exchange>> asked;
    for (const char* from : {"192.168.0.1", "192.168.0.1", "192.168.0.1", "192.168.0.2"}) {
        peer = from;
        asked.push_back(start("GET", "/metrics"));
    }
    free.set_value();
    EXPECT_TRUE(
        run_until(io, [&] { return std::ranges::all_of(asked, [](auto& one) { return one->over; }); }));
    EXPECT_EQ(order, (std::vector<std::string>{"192.168.0.1", "192.168.0.2", "192.168.0.1", "192.168.0.1"}));
}

TEST_F(access, an_edge_that_would_ask_elsewhere_is_told_so_by_a_status_of_its_own) {
    const std::string body = R"({"model":"tiny","prompt":"Hi"})";
    const std::vector<std::pair<std::string, std::string>> from_edge{{"X-Corral-Edge", "retry"}};
    EXPECT_EQ(ask("POST", "/api/generate", body, from_edge)->answer.status, 200U);
    EXPECT_EQ(ask("POST", "/api/generate", R"({"model":"none"})", from_edge)->answer.status, 404U);
    backend.set(engine::availability_state::broken, "its runtime crashed");
    const auto plain = ask("POST", "/api/generate", body);
    const auto marked = ask("POST", "/api/generate", body, from_edge);
    EXPECT_EQ(plain->answer.status, 503U);
    EXPECT_EQ(marked->answer.status, 425U);
    EXPECT_EQ(marked->answer.body, plain->answer.body);
    EXPECT_EQ(ask("POST", "/api/generate", body, {{"X-Corral-Edge", "other"}})->answer.status, 503U);
    context.closed = "this server accepts no requests yet: it waits";
    handler = make_api(context);
    EXPECT_EQ(ask("POST", "/api/generate", body, from_edge)->answer.status, 425U);
    http::request head;
    head.method = "POST";
    head.path = "/api/generate";
    head.headers.add("Host", "localhost");
    head.headers.add("X-Corral-Edge", "retry");
    const http::head_verdict early = make_front_door(context).judge(head);
    ASSERT_TRUE(early.refusal);
    EXPECT_EQ(early.refusal->status, 425U);
}

// Else a page sees a failed connection in place of the sentence.
TEST_F(access, a_page_may_read_why_its_request_was_not_read_to_its_end) {
    const front_door door = make_front_door(context);
    http::request head;
    head.path = "/v1/chat/completions";
    head.headers.add("Host", "localhost");
    EXPECT_FALSE(door.refuse(head, 413, "too large").headers.contains("Access-Control-Allow-Origin"));
    head.headers.set("Origin", "http://localhost:3000");
    const http::response refused = door.refuse(head, 413, "too large");
    EXPECT_EQ(refused.status, 413U);
    EXPECT_NE(refused.body.find(R"("message":"too large")"), std::string::npos) << refused.body;
    EXPECT_EQ(refused.headers.find("Access-Control-Allow-Origin"), "http://localhost:3000");
    head.headers.set("Origin", "http://evil.example");
    EXPECT_FALSE(door.refuse(head, 413, "too large").headers.contains("Access-Control-Allow-Origin"));
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
    EXPECT_EQ(got->answer.headers.find("Allow"), "POST");
    EXPECT_EQ(ask("OPTIONS", "/api/chat")->answer.status, 204U);
    EXPECT_EQ(ask("OPTIONS", "/api/tags")->answer.headers.find("Allow"), "HEAD, GET");
    EXPECT_FALSE(ask("OPTIONS", "/nowhere")->answer.headers.contains("Allow"));
    EXPECT_EQ(ask("OPTIONS", "/api/chat", {}, {{"Origin", "http://evil.example"}})->answer.status, 403U);
}

TEST_F(access, answers_options_of_the_server_as_a_whole) {
    EXPECT_EQ(ask("OPTIONS", "*")->answer.status, 200U);
}

TEST_F(access, refuses_a_foreign_origin_for_every_method) {
    for (const char* method : {"GET", "POST", "HEAD"}) {
        const auto got = ask(method, "/api/tags", {}, {{"Origin", "http://evil.example"}});
        EXPECT_EQ(got->answer.status, 403U);
        EXPECT_EQ(got->answer.body, "");
    }
}

TEST_F(access, without_keys_a_request_is_its_addresses) {
    const front_door door = make_front_door(context);
    const auto asked = ask("POST", "/api/show", R"({"model":"tiny"})", {{"x-api-key", "anything"}});
    const http::head_verdict verdict = door.judge(asked->request);
    EXPECT_FALSE(verdict.refusal);
    EXPECT_EQ(verdict.owner, "");
}

TEST(access_client, without_keys_is_the_share_of_its_addresses) {
    http::request asked;
    asked.path = "/api/chat";
    asked.peer = {core::asio::ip::make_address("2001:db8:9:9::7"), 5000};
    asked.share = "2001:db8:9:9::/64";
    EXPECT_EQ(judge_access(nullptr, asked).client, asked.share);
    asked.share.clear();
    EXPECT_EQ(judge_access(nullptr, asked).client, "2001:db8:9:9::7");
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
        R"({"status":"loading","queue":{"waiting":0,"running":0,"estimate_seconds":null,"swaps":0},"models":[{"name":"tiny:latest","state":"loading","reason":"loading layer 3","progress":null,"waiting":0}]})");
    backend.set(engine::availability_state::broken, "no device");
    const auto broken = ask("HEAD", "/readyz");
    EXPECT_EQ(broken->answer.status, 503U);
    EXPECT_NE(broken->answer.body.find(R"("status":"broken")"), std::string::npos);
}

// A balancer that took it away would keep its model unloaded for good.
TEST_F(access, readyz_counts_a_model_that_a_request_would_load) {
    admission->unload("tiny:latest");
    ASSERT_TRUE(test::run_until(io, [&] { return !admission->residence_of("tiny:latest").loaded; }));
    const auto unloaded = ask("GET", "/readyz");
    EXPECT_EQ(unloaded->answer.status, 200U);
    EXPECT_TRUE(unloaded->answer.body.starts_with(R"({"status":"unloaded","queue":)"))
        << unloaded->answer.body;
    const auto got = ask("POST", "/api/generate", R"({"model":"tiny","prompt":"Hi","stream":false})");
    EXPECT_EQ(got->answer.status, 200U);
    EXPECT_EQ(backend.starts, 1);
    admission->refuse_new();
    const auto ending = ask("GET", "/readyz");
    EXPECT_EQ(ending->answer.status, 503U);
    EXPECT_TRUE(ending->answer.body.starts_with(R"({"status":"shutting down",)")) << ending->answer.body;
}

TEST_F(access, readyz_tells_the_queue) {
    backend.otherwise.gate_before_text = true;
    const auto first = start("POST", "/api/generate", R"({"model":"tiny","prompt":"Hi"})");
    const auto second = start("POST", "/api/generate", R"({"model":"tiny","prompt":"Hi","stream":false})");
    ASSERT_TRUE(test::run_until(io, [&] { return admission->snapshot().waiting == 1; }));
    EXPECT_NE(
        ask("GET", "/readyz")
            ->answer.body.find(R"("queue":{"waiting":1,"running":1,"estimate_seconds":null,"swaps":0})"),
        std::string::npos);
    backend.otherwise.gate_before_text = false;
    backend.open_gates();
    ASSERT_TRUE(test::run_until(io, [&] { return first->over && second->over; }));
    EXPECT_FALSE(first->answer.headers.contains("Corral-Queue-Position"));
    EXPECT_EQ(second->answer.headers.find("Corral-Queue-Position"), "1");
    EXPECT_NE(ask("GET", "/readyz")->answer.body.find(R"("estimate_seconds":0,"swaps":0})"),
              std::string::npos);
}

class access_with_keys : public access {
protected:
    access_with_keys() {
        set("anna " + catalog::sha256_hex("sk-anna").value() + "\nbot " +
            catalog::sha256_hex("sk-bot").value());
        context.keys = &keys;
        handler = make_api(context);
    }
    void set(const std::string& text) { keys = config::key_ring::parse(text, "keys").value.value(); }
    using header = std::pair<std::string, std::string>;
    unsigned status_with(const header& key) { return ask("GET", "/api/tags", {}, {key})->answer.status; }

    config::key_ring keys;
};

// A body may take minutes; the key that its head showed may be gone when it is whole.
TEST_F(access_with_keys, key_that_is_removed_while_the_body_comes_in_is_refused) {
    const front_door door = make_front_door(context);
    for (const bool removed : {false, true}) {
        handler = [&](http::request& incoming, http::response_writer& out) {
            EXPECT_FALSE(door.judge(incoming).refusal);
            if (removed) {
                set("");
            }
            return door.serve(incoming, out);
        };
        EXPECT_EQ(status_with({"x-api-key", "sk-anna"}), removed ? 401U : 200U);
    }
}

// Before a body is read the head decides as the handler does behind it.
TEST_F(access_with_keys, head_of_a_request_is_judged_as_the_whole_is) {
    const front_door door = make_front_door(context);
    const std::vector<std::vector<std::pair<std::string, std::string>>> heads{
        {},
        {{"Authorization", "Bearer wrong"}},
        {{"x-api-key", std::string("sk-anna")}},
        {{"Authorization", "Bearer " + std::string("sk-anna")}},
        {{"Origin", "http://evil.example"}, {"x-api-key", std::string("sk-anna")}},
        {{"Origin", "http://localhost:3000"}},
        {{"Origin", "http://localhost:3000"}, {"x-api-key", std::string("sk-anna")}},
        {{"Host", "evil.example"}, {"x-api-key", std::string("sk-anna")}},
    };
    for (const auto& headers : heads) {
        for (const char* method : {"POST", "OPTIONS", "GET"}) {
            const auto asked = ask(method, "/api/show", R"({"model":"tiny"})", headers);
            const http::head_verdict verdict = door.judge(asked->request);
            if (!verdict.refusal) {
                EXPECT_NE(asked->answer.status, 401U);
                EXPECT_NE(asked->answer.status, 403U);
                EXPECT_EQ(verdict.owner, "key anna");
                continue;
            }
            EXPECT_EQ(verdict.refusal->status, asked->answer.status);
            EXPECT_EQ(verdict.refusal->body, asked->answer.body);
            EXPECT_EQ(verdict.refusal->headers.all(), asked->answer.headers.all());
        }
    }
}

TEST_F(access_with_keys, takes_a_key_in_either_header) {
    const std::vector<std::pair<header, unsigned>> rows{
        {{"Authorization", "Bearer sk-anna"}, 200},
        {{"authorization", "bearer   sk-bot "}, 200},
        {{"AUTHORIZATION", "BEARER\tsk-bot"}, 200},
        {{"x-api-key", "sk-anna"}, 200},
        {{"X-Api-Key", " sk-bot"}, 200},
        {{"x-api-key", "sk-nobody"}, 401},
        {{"x-api-key", ""}, 401},
        {{"Authorization", "Bearer sk-nobody"}, 401},
        {{"Authorization", "Bearersk-anna"}, 401},
        {{"Authorization", "Basic sk-anna"}, 401},
        {{"Authorization", "sk-anna"}, 401},
        {{"Authorization", "Bearer"}, 401},
        {{"Authorization", "Bearer anna"}, 401},
        {{"Authorization", "Bearer sk-anna sk-bot"}, 401},
        {{"X-Other", "sk-anna"}, 401},
    };
    for (const auto& [sent, wanted] : rows) {
        EXPECT_EQ(status_with(sent), wanted) << sent.first << ": " << sent.second;
    }
    // The Anthropic SDK sends its own beside what a proxy adds.
    const auto both =
        ask("GET", "/api/tags", {}, {{"Authorization", "Bearer dummy"}, {"x-api-key", "sk-anna"}});
    EXPECT_EQ(both->answer.status, 200U);
}

TEST_F(access_with_keys, refuses_with_a_401_that_says_what_to_do) {
    const auto none = ask("POST", "/api/chat", "{}");
    EXPECT_EQ(none->answer.status, 401U);
    EXPECT_EQ(none->answer.headers.find("WWW-Authenticate"), "Bearer");
    EXPECT_EQ(
        none->answer.body,
        R"({"error":"this server needs an API key: send it as 'Authorization: Bearer KEY' or 'x-api-key: KEY'"})");
    const auto wrong = ask("POST", "/api/chat", "{}", {{"x-api-key", "sk-x"}});
    EXPECT_EQ(wrong->answer.status, 401U);
    EXPECT_NE(wrong->answer.body.find("unknown API key"), std::string::npos);
    EXPECT_EQ(wrong->answer.body.find("sk-x"), std::string::npos);
}

TEST_F(access_with_keys, leaves_only_life_signs_and_preflights_open) {
    const std::vector<std::tuple<std::string, std::string, unsigned>> rows{
        {"GET", "/", 200},           {"HEAD", "/", 200},         {"GET", "/healthz", 200},
        {"HEAD", "/healthz", 200},   {"GET", "/readyz", 200},    {"HEAD", "/readyz", 200},
        {"POST", "/", 401},          {"POST", "/healthz", 401},  {"GET", "/api/version", 401},
        {"GET", "/api/tags", 401},   {"HEAD", "/api/tags", 401}, {"POST", "/api/generate", 401},
        {"POST", "/api/show", 401},  {"GET", "/api/ps", 401},    {"GET", "/nowhere", 401},
        {"DELETE", "/api/chat", 401}};
    for (const auto& [method, path, wanted] : rows) {
        EXPECT_EQ(ask(method, path)->answer.status, wanted) << method << " " << path;
    }
    EXPECT_EQ(ask("OPTIONS", "/api/chat", {}, {{"Origin", "app://obsidian.md"}})->answer.status, 204U);
}

TEST_F(access_with_keys, readyz_tells_strangers_only_states_and_counts) {
    context.warnings = [] { return std::vector<std::string>{"the manifest secret.toml has a mistake"}; };
    handler = api::make_api(context);
    backend.set(engine::availability_state::loading, "port 8000 is open");
    const auto stranger = ask("GET", "/readyz");
    EXPECT_EQ(
        stranger->answer.body,
        R"({"status":"loading","queue":{"waiting":0,"running":0,"estimate_seconds":null,"swaps":0},"models":[{"state":"loading","progress":null,"waiting":0}]})");
    EXPECT_EQ(ask("GET", "/readyz", {}, {{"x-api-key", "sk-nobody"}})->answer.body, stranger->answer.body);
    const auto known = ask("GET", "/readyz", {}, {{"x-api-key", "sk-anna"}});
    EXPECT_NE(known->answer.body.find("tiny:latest"), std::string::npos);
    EXPECT_NE(known->answer.body.find("port 8000"), std::string::npos);
    EXPECT_NE(known->answer.body.find("secret.toml"), std::string::npos);
}

TEST(readyz_names, without_keys_are_for_this_machine) {
    http::request incoming;
    for (const auto& [peer, may] : std::vector<std::pair<std::string, bool>>{
             {"127.0.0.1", true}, {"::1", true}, {"192.168.1.7", false}, {"fd00::7", false}}) {
        incoming.peer = {boost::asio::ip::make_address(peer), 1};
        EXPECT_EQ(may_read_names(nullptr, incoming), may) << peer;
    }
}

TEST_F(access_with_keys, asks_for_the_key_after_cors_and_host) {
    const header key{"x-api-key", "sk-anna"};
    EXPECT_EQ(ask("GET", "/api/tags", {}, {{"Origin", "http://evil.example"}, key})->answer.status, 403U);
    EXPECT_EQ(ask("GET", "/api/tags", {}, {{"Host", "evil.example"}, key})->answer.status, 403U);
    EXPECT_EQ(ask("GET", "/api/tags", {}, {{"Host", "evil.example"}})->answer.status, 403U);
    // A web page can read why it was refused.
    const auto page = ask("GET", "/api/tags", {}, {{"Origin", "http://localhost:3000"}});
    EXPECT_EQ(page->answer.status, 401U);
    EXPECT_EQ(page->answer.headers.find("Access-Control-Allow-Origin"), "http://localhost:3000");
}

TEST_F(access_with_keys, follows_the_ring_that_is_there_now) {
    EXPECT_EQ(status_with({"x-api-key", "sk-anna"}), 200U);
    set("anna " + catalog::sha256_hex("sk-new").value());
    EXPECT_EQ(status_with({"x-api-key", "sk-anna"}), 401U);
    EXPECT_EQ(status_with({"x-api-key", "sk-new"}), 200U);
    set("");
    EXPECT_EQ(status_with({"x-api-key", "sk-new"}), 401U);
}

TEST_F(access_with_keys, names_the_client_by_its_key_and_else_by_its_address) {
    http::request incoming;
    incoming.peer = {boost::asio::ip::make_address("192.168.1.9"), 1};
    EXPECT_EQ(judge_access(nullptr, incoming).client, "192.168.1.9");
    EXPECT_EQ(judge_access(context.keys, incoming).verdict, access_verdict::no_key);
    incoming.headers.add("Authorization", "Bearer sk-bot");
    EXPECT_EQ(judge_access(context.keys, incoming).client, "bot");
    EXPECT_EQ(judge_access(nullptr, incoming).client, "192.168.1.9");
}

TEST_F(access_with_keys, keeps_to_the_scopes_of_a_key) {
    set("anna " + catalog::sha256_hex("sk-anna").value() + "\nops " + catalog::sha256_hex("sk-ops").value() +
        " operate\nall " + catalog::sha256_hex("sk-all").value() + " inference,operate\npull " +
        catalog::sha256_hex("sk-pull").value() + " pull");
    const auto judged = [&](const char* key, const char* method, const char* path) {
        http::request incoming;
        incoming.method = method;
        incoming.path = path;
        incoming.headers.add("x-api-key", key);
        return judge_access(context.keys, incoming);
    };
    EXPECT_EQ(judged("sk-ops", "POST", "/api/chat").verdict, access_verdict::out_of_scope);
    EXPECT_EQ(judged("sk-ops", "POST", "/v1/chat/completions").verdict, access_verdict::out_of_scope);
    EXPECT_EQ(judged("sk-ops", "GET", "/api/tags").verdict, access_verdict::allowed);
    EXPECT_EQ(judged("sk-ops", "POST", "/api/pull").verdict, access_verdict::allowed);
    EXPECT_TRUE(judged("sk-ops", "DELETE", "/api/delete").may.pull)
        << "as before there was a scope of its own";
    EXPECT_FALSE(judged("sk-anna", "POST", "/api/pull").may.pull);
    EXPECT_EQ(judged("sk-pull", "POST", "/api/pull").verdict, access_verdict::allowed);
    EXPECT_EQ(judged("sk-pull", "DELETE", "/api/delete").verdict, access_verdict::allowed);
    EXPECT_EQ(judged("sk-pull", "POST", "/api/chat").verdict, access_verdict::out_of_scope);
    EXPECT_EQ(judged("sk-pull", "POST", "/api/create").verdict, access_verdict::out_of_scope);
    EXPECT_EQ(judged("sk-pull", "POST", "/corral/v1/models/import").may,
              (config::key_scopes{false, false, false, true}));
    EXPECT_TRUE(judged("sk-all", "POST", "/api/chat").may.operate);
    const auto refused = ask("POST", "/api/chat", "{}", {{"x-api-key", "sk-ops"}});
    EXPECT_EQ(refused->answer.status, 403U);
    EXPECT_NE(refused->answer.body.find("lacks the scope 'inference'"), std::string::npos);
}

TEST_F(access_with_keys, takes_a_session_in_the_place_of_a_key_from_its_own_pages_alone) {
    set("anna " + catalog::sha256_hex("sk-anna").value() + " inference,observe");
    config::session_seal seal({7});
    const std::string cookie =
        "other=1; corral_session=" + seal.open_for(context.keys->all().front(), std::time(nullptr));
    const auto judged = [&](const char* method, const char* path, const std::vector<header>& more) {
        http::request incoming;
        incoming.method = method;
        incoming.path = path;
        incoming.headers.add("Cookie", cookie);
        incoming.headers.add("Host", "box:11434");
        for (const auto& [name, value] : more) {
            incoming.headers.add(name, value);
        }
        return judge_access(context.keys, incoming, &seal);
    };
    const header acts{"X-Corral-Action", "1"};
    EXPECT_EQ(judged("GET", "/corral/v1/status", {}).client, "anna");
    EXPECT_TRUE(judged("GET", "/corral/v1/status", {}).may.observe);
    EXPECT_FALSE(judged("POST", "/api/chat", {acts}).may.operate);
    EXPECT_EQ(judged("POST", "/api/chat", {acts}).verdict, access_verdict::allowed);
    EXPECT_EQ(judged("POST", "/api/chat", {}).verdict, access_verdict::no_key);
    for (const header& foreign :
         {header{"Sec-Fetch-Site", "same-site"}, header{"Sec-Fetch-Site", "cross-site"},
          header{"Origin", "http://box:3000"}, header{"Origin", "null"}}) {
        EXPECT_EQ(judged("POST", "/api/chat", {acts, foreign}).verdict, access_verdict::no_key)
            << foreign.second;
        EXPECT_EQ(judged("GET", "/api/tags", {foreign}).verdict, access_verdict::no_key) << foreign.second;
    }
    EXPECT_EQ(judged("GET", "/api/tags", {{"Origin", "http://box:11434"}}).verdict, access_verdict::allowed);
    set("ben " + catalog::sha256_hex("sk-ben").value());
    EXPECT_EQ(judged("GET", "/corral/v1/status", {}).verdict, access_verdict::no_key) << "the key is gone";
}

TEST_F(access_with_keys, finds_its_session_among_those_that_others_have_set) {
    set("anna " + catalog::sha256_hex("sk-anna").value() + " inference,observe");
    config::session_seal seal({7});
    const std::string good = seal.open_for(context.keys->all().front(), std::time(nullptr));
    const auto judged = [&](const std::string& cookie, bool secure) {
        http::request incoming;
        incoming.method = "GET";
        incoming.path = "/corral/v1/status";
        incoming.headers.add("Cookie", cookie);
        return judge_access(context.keys, incoming, &seal, secure).client;
    };
    const std::string plain = "corral_session=" + good;
    const std::string junk = "corral_session=x; ";
    EXPECT_EQ(judged(junk + plain, false), "anna");
    EXPECT_EQ(judged(plain + "; " + junk, false), "anna");
    EXPECT_EQ(judged(junk + "__Host-" + plain, true), "anna");
    EXPECT_EQ(judged("__Host-corral_session=x; __Host-" + plain, true), "anna");
    EXPECT_EQ(judged(plain, true), "") << "another server of this host may have set it";
    EXPECT_EQ(judged("__Host-" + plain, false), "");
    std::string many;
    for (int i = 0; i < 32; ++i) {
        many += junk;
    }
    EXPECT_EQ(judged(many + plain, false), "") << "bounded";
}

TEST(access_without_keys, knows_who_asks_from_this_machine) {
    http::request incoming;
    for (const auto& [peer, home] : std::vector<std::pair<std::string, bool>>{
             {"127.0.0.1", true}, {"::1", true}, {"192.168.1.7", false}}) {
        incoming.peer = {boost::asio::ip::make_address(peer), 1};
        const auto judged = judge_access(nullptr, incoming);
        EXPECT_EQ(judged.at_home, home) << peer;
        EXPECT_EQ(judged.may, (config::key_scopes{true, false, false, home}))
            << "loopback proves no user: " << peer;
    }
    incoming.peer = {boost::asio::ip::make_address("127.0.0.1"), 1};
    for (const char* mark :
         {"X-Forwarded-For", "x-forwarded-host", "X-Forwarded-Proto", "Forwarded", "X-Real-IP", "via"}) {
        incoming.headers = {};
        incoming.headers.add(mark, "192.168.1.7");
        EXPECT_FALSE(judge_access(nullptr, incoming).at_home) << mark << ": a proxy here asks for another";
    }
    incoming.headers = {};
    incoming.relayed = true;
    EXPECT_FALSE(judge_access(nullptr, incoming).at_home) << "one that speaks the PROXY protocol too";
}

// Has nothing to tell, and does nothing.
class quiet_desk final : public operator_desk {
public:
    [[nodiscard]] desk_json status() const override { return desk_json::object(); }
    [[nodiscard]] desk_json requests() const override { return desk_json::object(); }
    core::awaitable<desk_json> ask(desk_json) override {
        desk_json done;
        done["ok"] = true;
        co_return done;
    }
    core::awaitable<core::result<desk_answer>> run(std::vector<std::string>, shape, std::string) override {
        co_return desk_answer{{}, "{}"};
    }
    core::awaitable<core::result<desk_answer>> speeds() override { co_return desk_answer{{}, "{}"}; }
    core::awaitable<core::result<desk_answer>> incidents() override { co_return desk_answer{{}, "{}"}; }
    core::awaitable<core::result<desk_answer>> incident(std::string) override {
        co_return desk_answer{{}, "{}"};
    }
    core::result<std::unique_ptr<desk_stream>> watch(const std::string&) override { return nothing(); }
    core::result<std::unique_ptr<desk_stream>> follow(const log_question&, const std::string&) override {
        return nothing();
    }
    core::awaitable<core::result<std::string>> make_key(std::string name, config::key_scopes scopes,
                                                        std::string maker) override {
        made.push_back(name + " " + config::scopes_text(scopes) + " by " + maker);
        co_return std::string("sk-corral-new");
    }
    core::awaitable<core::result<std::vector<std::string>>> remove_key(std::string) override {
        co_return std::vector<std::string>{"child"};
    }
    core::awaitable<core::result<desk_answer>> settings() override { co_return desk_answer{{}, "{}"}; }
    [[nodiscard]] bool logs_content() const override { return false; }
    std::vector<std::string> made;

private:
    static core::failure nothing() {
        return core::make_failure(core::errc::limit_exceeded, core::reason::unlisted("nothing"));
    }
};

class keyless_desk : public test::api_test {
protected:
    using header = std::pair<std::string, std::string>;
    keyless_desk() {
        context.desk = &desk;
        context.sessions = &seal;
        context.user_at = [this](int) { return answer_of(who); };
        handler = make_api(context);
    }
    static core::awaitable<std::optional<local_user>> answer_of(std::optional<local_user> one) {
        co_return one;
    }
    unsigned status(const std::string& method, const std::string& path, std::vector<header> headers = {}) {
        return ask(method, path, method == "POST" ? "{}" : "", std::move(headers))->answer.status;
    }

    quiet_desk desk;
    config::session_seal seal{{7}};
    std::optional<local_user> who = local_user{1000, false};
};

TEST_F(keyless_desk, is_for_proven_users_alone) {
    const header acts{"X-Corral-Action", "1"};
    const std::vector<std::pair<std::string, std::string>> routes{
        {"GET", "/corral/v1/session"},        {"GET", "/corral/v1/status"},
        {"GET", "/corral/v1/requests"},       {"GET", "/corral/v1/settings"},
        {"GET", "/corral/v1/incidents"},      {"GET", "/corral/v1/logs/stream"},
        {"GET", "/corral/v1/keys"},           {"POST", "/corral/v1/models/import"},
        {"POST", "/corral/v1/models/unload"}, {"POST", "/corral/v1/drain"},
        {"POST", "/corral/v1/doctor"}};
    for (const auto& [method, path] : routes) {
        for (const auto& [user, may] : std::vector<std::pair<std::optional<local_user>, bool>>{
                 {local_user{1000, false}, false}, {std::nullopt, false}, {local_user{0, true}, true}}) {
            who = user;
            EXPECT_EQ(status(method, path, {acts}) != 403U, may) << method << " " << path;
        }
    }
    who = local_user{1000, false};
    const auto told = ask("GET", "/corral/v1/session")->answer.body;
    EXPECT_NE(told.find("sudo corral ui"), std::string::npos) << told;
    for (const char* path : {"/api/tags", "/api/ps", "/readyz", "/healthz"}) {
        EXPECT_EQ(status("GET", path), 200U) << path << ": models are for all users of the machine";
    }
}

TEST_F(keyless_desk, takes_a_session_of_the_very_user_that_it_was_opened_for) {
    const header acts{"X-Corral-Action", "1"};
    const header cookie{"Cookie", "corral_session=" + seal.open_for_user(1000, std::time(nullptr))};
    EXPECT_EQ(status("GET", "/corral/v1/status", {cookie}), 200U);
    EXPECT_NE(status("POST", "/corral/v1/drain", {cookie, acts}), 403U);
    EXPECT_EQ(status("POST", "/corral/v1/drain", {cookie}), 403U);
    EXPECT_EQ(status("GET", "/corral/v1/status", {cookie, {"Sec-Fetch-Site", "cross-site"}}), 403U);
    who = local_user{1001, false};
    EXPECT_EQ(status("GET", "/corral/v1/status", {cookie}), 403U) << "another user has got hold of it";
    who = local_user{1000, false};
    EXPECT_EQ(status("GET", "/corral/v1/status", {{"Cookie", cookie.second + "0"}}), 403U);
    const header among{"Cookie", "corral_session=x; " + cookie.second};
    EXPECT_EQ(status("GET", "/corral/v1/status", {among}), 200U);
    EXPECT_EQ(status("DELETE", "/corral/v1/session", {among, acts}), 204U);
    EXPECT_EQ(status("GET", "/corral/v1/status", {cookie}), 403U);
}

TEST_F(keyless_desk, answers_under_names_of_this_machine_alone) {
    context.hosts = {"box.lan"};
    handler = make_api(context);
    who = local_user{0, true};
    for (const auto& [host, status_then] :
         std::vector<std::pair<std::string, unsigned>>{{"127.0.0.1:11434", 200},
                                                       {"[::1]", 200},
                                                       {"localhost:1", 200},
                                                       {"Box.LAN", 200},
                                                       {"192.168.1.9", 200},
                                                       {"evil.local", 403},
                                                       {"evil.localhost", 403},
                                                       {"a.internal:80", 403},
                                                       {"evil.example", 403}}) {
        EXPECT_EQ(status("GET", "/corral/v1/status", {{"Host", host}}), status_then) << host;
        const header acts{"X-Corral-Action", "1"};
        const auto acted =
            status("POST", "/corral/v1/drain", {{"Host", host}, {"Origin", "http://" + host}, acts});
        EXPECT_EQ(acted == 403U, status_then == 403U) << host;
    }
}

TEST_F(access_with_keys, lets_a_key_make_keys_of_at_most_its_own_scopes) {
    quiet_desk desk;
    context.desk = &desk;
    set("ops " + catalog::sha256_hex("sk-ops").value() + " operate\nall " +
        catalog::sha256_hex("sk-all").value() + " inference,observe,operate");
    handler = make_api(context);
    const auto make = [&](const char* key, const std::string& name, const char* scopes) {
        return ask("POST", "/corral/v1/keys", R"({"name":")" + name + R"(","scopes":)" + scopes + "}",
                   {{"x-api-key", key}});
    };
    EXPECT_EQ(make("sk-ops", "boss", R"(["inference","observe","operate"])")->answer.status, 403U);
    EXPECT_EQ(make("sk-ops", "eyes", R"(["observe"])")->answer.status, 403U);
    EXPECT_TRUE(desk.made.empty());
    EXPECT_EQ(make("sk-ops", "hand", R"(["operate"])")->answer.status, 200U);
    EXPECT_EQ(make("sk-ops", "puller", R"(["pull"])")->answer.status, 200U);
    EXPECT_EQ(make("sk-all", "all2", R"(["inference","observe","operate","pull"])")->answer.status, 200U);
    EXPECT_EQ(desk.made, (std::vector<std::string>{"hand operate by ops", "puller pull by ops",
                                                   "all2 inference,observe,operate,pull by all"}));
    for (const char* name : {"-h", "--file", ".", "..", ".a", "_a", "a b", ""}) {
        EXPECT_EQ(make("sk-all", name, R"(["observe"])")->answer.status, 400U) << name;
    }
    const auto removed = ask("DELETE", "/corral/v1/keys/hand", {}, {{"x-api-key", "sk-all"}});
    EXPECT_EQ(removed->answer.body, R"({"name":"hand","had_made":["child"]})");
}

TEST(refusal_log, has_a_line_a_minute_for_a_peer_and_is_bounded) {
    refusal_log log;
    core::manual_clock clock;
    EXPECT_TRUE(log.worth_a_line("a", clock.now()));
    EXPECT_FALSE(log.worth_a_line("a", clock.now()));
    EXPECT_TRUE(log.worth_a_line("b", clock.now()));
    clock.advance(core::seconds{59});
    EXPECT_FALSE(log.worth_a_line("a", clock.now()));
    clock.advance(core::seconds{1});
    EXPECT_TRUE(log.worth_a_line("a", clock.now()));
    std::size_t lines = 0;
    for (int i = 0; i < 10'000; ++i) {
        lines += log.worth_a_line(std::to_string(i), clock.now()) ? 1 : 0;
    }
    EXPECT_LE(lines, 256U);
    clock.advance(core::seconds{60});
    EXPECT_TRUE(log.worth_a_line("9999", clock.now()));
}

}  // namespace
}  // namespace corral::api
