// POST /api/pull and DELETE /api/delete where clients may.

#include "api/models/package_pull.hpp"

#include <deque>

#include "api_fixture.hpp"
#include "corral/api/package_desk.hpp"
#include "corral/catalog/package_survey.hpp"

namespace corral::api {
namespace {

// Plays what a pull says.
class played_desk final : public package_desk {
public:
    explicit played_desk(boost::asio::io_context& io) : bell(io.get_executor()) {}

    core::awaitable<core::result<std::unique_ptr<pull_watch>>> pull(std::string name,
                                                                    std::string client) override {
        asked.push_back(client + " " + name);
        if (refusal) {
            co_return *refusal;
        }
        ++watched;
        std::unique_ptr<pull_watch> out = std::make_unique<watch>(*this);
        co_return std::move(out);
    }
    core::awaitable<core::result<void>> remove(std::string name) override {
        asked.push_back("rm " + name);
        if (refusal) {
            co_return *refusal;
        }
        co_return core::result<void>();
    }

    std::deque<std::string> lines;
    std::string error;
    bool over = true;
    std::optional<core::failure> refusal;
    std::vector<std::string> asked;
    int watched = 0;
    core::wake_signal bell;

private:
    class watch final : public pull_watch {
    public:
        explicit watch(played_desk& of) : of_(of) {}
        ~watch() override { --of_.watched; }
        core::awaitable<core::result<std::optional<std::string>>> next() override {
            while (of_.lines.empty() && !of_.over) {
                const core::wake_reason why = co_await of_.bell.wait();
                if (why == core::wake_reason::cancelled) {
                    co_return core::make_failure(core::errc::cancelled, core::reason::unlisted("gone"));
                }
            }
            if (!of_.lines.empty()) {
                std::optional<std::string> line = of_.lines.front();
                of_.lines.pop_front();
                co_return line;
            }
            if (!of_.error.empty()) {
                co_return core::make_failure(core::errc::unavailable, core::reason::unlisted(of_.error));
            }
            co_return std::optional<std::string>();
        }

    private:
        played_desk& of_;
    };
};

class ollama_pull : public test::api_test {
protected:
    ollama_pull() {
        context.packages = &desk;
        serve();
        desk.lines = {R"({"status":"pulling manifest"})", R"({"status":"success"})"};
    }
    played_desk desk{io};
};

TEST_F(ollama_pull, streams_the_lines_as_they_are) {
    const auto got = ask("POST", "/api/pull", R"({"model":"qwen3:4b"})");
    EXPECT_EQ(got->answer.status, 200U);
    EXPECT_EQ(got->answer.content_type, "application/x-ndjson");
    EXPECT_EQ(got->answer.body, "{\"status\":\"pulling manifest\"}\n{\"status\":\"success\"}\n");
    EXPECT_EQ(got->answer.writes.size(), 2U);
    EXPECT_TRUE(got->answer.finished);
    EXPECT_EQ(desk.asked, std::vector<std::string>{"127.0.0.1 qwen3:4b"});
    EXPECT_EQ(desk.watched, 0);
}

TEST_F(ollama_pull, in_one_piece_is_its_end) {
    const auto got = ask("POST", "/api/pull", R"({"model":"qwen3:4b","stream":false})");
    EXPECT_EQ(got->answer.status, 200U);
    EXPECT_EQ(got->answer.content_type, "application/json");
    EXPECT_EQ(got->answer.body, R"({"status":"success"})");
    desk.error = "the hub is away";
    const auto failed = ask("POST", "/api/pull", R"({"model":"qwen3:4b","stream":false})");
    EXPECT_EQ(failed->answer.status, 500U);
    EXPECT_EQ(failed->answer.body, R"({"error":"the hub is away"})");
}

TEST_F(ollama_pull, that_fails_ends_in_an_error_line) {
    desk.lines = {R"({"status":"pulling manifest"})"};
    desk.error = "the hub is away";
    const auto got = ask("POST", "/api/pull", R"({"model":"qwen3:4b"})");
    EXPECT_EQ(got->answer.status, 200U);
    EXPECT_EQ(got->answer.body, "{\"status\":\"pulling manifest\"}\n{\"error\":\"the hub is away\"}\n");
    EXPECT_TRUE(got->answer.finished);
    const auto at_once = ask("POST", "/api/pull", R"({"model":"qwen3:4b"})");
    EXPECT_EQ(at_once->answer.status, 500U);
    EXPECT_EQ(at_once->answer.content_type, "application/json");
    desk.refusal = core::make_failure(core::errc::limit_exceeded, core::reason::unlisted("too many"));
    EXPECT_EQ(ask("POST", "/api/pull", R"({"model":"qwen3:4b"})")->answer.status, 503U);
}

TEST_F(ollama_pull, is_left_with_its_client) {
    desk.over = false;
    const auto got = start("POST", "/api/pull", R"({"model":"qwen3:4b"})");
    ASSERT_TRUE(test::run_until(io, [&] { return got->answer.writes.size() == 2; }));
    EXPECT_EQ(desk.watched, 1);
    got->cancel.emit(boost::asio::cancellation_type::terminal);
    ASSERT_TRUE(test::run_until(io, [&] { return got->over; }));
    EXPECT_EQ(desk.watched, 0);
}

TEST_F(ollama_pull, of_a_model_that_is_there_is_done) {
    EXPECT_EQ(ask("POST", "/api/pull", R"({"model":"tiny"})")->answer.writes.size(), 4U);
    EXPECT_TRUE(desk.asked.empty());
}

TEST_F(ollama_pull, goes_to_no_address_that_a_client_chooses) {
    for (const char* typed : {"https://10.0.0.1/a/b", "http://hub.example/a/b:x", "hub.example/a/b",
                              "me/qwen3", "file:///a/b/c", "10.0.0.1:80/a/b"}) {
        const auto got = ask("POST", "/api/pull", std::string(R"({"model":")") + typed + R"("})");
        EXPECT_TRUE(got->answer.status == 400 ||
                    got->answer.body.find("file does not exist: clients pull names") != std::string::npos)
            << typed << got->answer.body;
    }
    EXPECT_TRUE(desk.asked.empty());
    EXPECT_EQ(pulled_name(" hf.co/Qwen/Qwen3-4B-GGUF:Q4_K_M "), "hf.co/Qwen/Qwen3-4B-GGUF:Q4_K_M");
    EXPECT_EQ(pulled_name("huggingface.co/Qwen/Qwen3:latest"), "huggingface.co/Qwen/Qwen3");
    EXPECT_EQ(pulled_name("--config"), std::nullopt);
}

TEST_F(ollama_pull, brings_of_the_hub_only_what_is_trusted) {
    const auto pull = [this](const std::string& name) {
        return ask("POST", "/api/pull", R"({"stream":false,"model":")" + name + R"("})")->answer.body;
    };
    for (const char* name : {"hf.co/mallory/evil", "huggingface.co/mallory/evil:main", "hf.co/axera/evil"}) {
        EXPECT_NE(pull(name).find("'owners' of [pull]"), std::string::npos) << name;
    }
    context.pull_owners = {"AXERA-TECH"};
    serve();
    EXPECT_NE(pull("hf.co/mallory/AXERA-TECH").find("'owners' of [pull]"), std::string::npos);
    EXPECT_TRUE(desk.asked.empty());
    static_cast<void>(pull("hf.co/axera-tech/Qwen3-4B"));
    static_cast<void>(pull("qwen3:4b"));
    context.pull_owners.clear();
    context.pulls_signed = true;
    serve();
    static_cast<void>(pull("hf.co/mallory/signed"));
    EXPECT_EQ(desk.asked, (std::vector<std::string>{"127.0.0.1 hf.co/axera-tech/Qwen3-4B",
                                                    "127.0.0.1 qwen3:4b", "127.0.0.1 hf.co/mallory/signed"}));
}

TEST_F(ollama_pull, obeys_no_page_of_another_server) {
    using headers = std::vector<std::pair<std::string, std::string>>;
    const auto pull = [this](const headers& with) {
        return ask("POST", "/api/pull", R"({"model":"qwen3:4b"})", with)->answer.status;
    };
    const auto drop = [this](const headers& with) {
        return ask("DELETE", "/api/delete", R"({"model":"tiny"})", with)->answer.status;
    };
    const std::pair<std::string, std::string> acts{"X-Corral-Action", "1"};
    const std::vector<headers> pages{
        {{"Origin", "http://localhost:8080"}, {"Content-Type", "text/plain"}},
        {{"Origin", "http://localhost:8080"}, acts},
        {{"Origin", "http://127.0.0.1:3000"}},
        {{"Origin", "http://localhost:11434"}},  // this page, but not on purpose
        {{"Sec-Fetch-Site", "same-site"}},
        {{"Sec-Fetch-Site", "cross-site"}, acts},
        {{"Host", "evil.local"}, {"Origin", "http://evil.local"}, acts},
        {{"Host", "evil.internal:11434"}, {"Origin", "http://evil.internal:11434"}, acts},
        {{"Host", "evil.example"}, {"Origin", "http://evil.example"}, acts}};
    for (const headers& with : pages) {
        EXPECT_EQ(pull(with), 403U) << with.front().second;
        EXPECT_EQ(drop(with), 403U) << with.front().second;
    }
    EXPECT_TRUE(desk.asked.empty());
    EXPECT_EQ(pull({{"Origin", "http://localhost:11434"}, acts, {"Sec-Fetch-Site", "same-origin"}}), 200U);
    EXPECT_EQ(pull({{"Host", "box.local:11434"}}), 200U) << "a program under a name of its network";
    EXPECT_EQ(pull({}), 200U);
    EXPECT_EQ(drop({}), 200U);
    EXPECT_EQ(
        ask("POST", "/api/show", R"({"model":"tiny"})", {{"Origin", "http://localhost:8080"}})->answer.status,
        200U)
        << "models are Ollama's matter";
}

TEST_F(ollama_pull, is_for_those_who_may) {
    const auto keys = config::key_ring::parse("anna " + catalog::sha256_hex("sk-anna").value() + "\nops " +
                                                  catalog::sha256_hex("sk-ops").value() + " operate",
                                              "keys");
    context.keys = &*keys.value;
    serve();
    const auto refused = ask("POST", "/api/pull", R"({"model":"qwen3:4b"})", {{"x-api-key", "sk-anna"}});
    EXPECT_EQ(refused->answer.status, 403U);
    EXPECT_NE(refused->answer.body.find("no scope 'pull'"), std::string::npos);
    EXPECT_EQ(ask("DELETE", "/api/delete", R"({"model":"tiny"})", {{"x-api-key", "sk-anna"}})->answer.status,
              403U);
    EXPECT_TRUE(desk.asked.empty());
    EXPECT_EQ(ask("POST", "/api/pull", R"({"model":"qwen3:4b"})", {{"x-api-key", "sk-ops"}})->answer.status,
              200U);
    EXPECT_EQ(desk.asked, std::vector<std::string>{"ops qwen3:4b"});
}

TEST_F(ollama_pull, of_a_model_is_undone_by_delete) {
    const auto gone = ask("DELETE", "/api/delete", R"({"model":"tiny"})");
    EXPECT_EQ(gone->answer.status, 200U);
    EXPECT_EQ(gone->answer.body, "");
    EXPECT_EQ(desk.asked, std::vector<std::string>{"rm tiny:latest"});
    desk.refusal = core::make_failure(core::errc::refused, core::reason::unlisted("no pull brought it"));
    const auto refused = ask("DELETE", "/api/delete", R"({"model":"tiny"})");
    EXPECT_EQ(refused->answer.status, 403U);
    EXPECT_EQ(refused->answer.body, R"({"error":"no pull brought it"})");
    EXPECT_EQ(ask("DELETE", "/api/delete", R"({"model":"nobody"})")->answer.status, 404U);
}

}  // namespace
}  // namespace corral::api
