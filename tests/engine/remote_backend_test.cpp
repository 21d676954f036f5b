// What a request that ends early says of a remote server: nothing.

#include "engine/dialects/ollama_remote/remote_backend.hpp"

#include <gtest/gtest.h>
#include <boost/asio/post.hpp>

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "corral/core/task_group.hpp"
#include "engine/played_server.hpp"
#include "http/accepting_port.hpp"
#include "run_until.hpp"

namespace corral::engine::ollama_remote {
namespace {

using tests::played_answer;
using tests::whole_answer;

// Answers by path, healthy in what it is asked about itself.
class pathed_server {
public:
    pathed_server() : port_([this](int peer) { talk(peer); }) {
        answers_["/api/version"] = {whole_answer(200, R"({"version":"0.12.0"})")};
        answers_["/api/tags"] = {whole_answer(200, R"({"models":[{"name":"a"}]})")};
        answers_["/api/show"] = {whole_answer(200, "{}")};
        answers_["/api/ps"] = {whole_answer(200, R"({"models":[]})")};
    }
    void say(const std::string& path, played_answer answer) {
        const std::lock_guard hold(guard_);
        answers_[path] = std::move(answer);
    }
    [[nodiscard]] std::string port() const { return std::to_string(port_.at().port()); }

private:
    void talk(int peer) {
        // Empty: it was only looked whether somebody accepts.
        const std::string asked = tests::played_server::read_whole(peer);
        const auto from = asked.find(' ');
        if (from != std::string::npos) {
            answer(peer, asked.substr(from + 1, asked.find(' ', from + 1) - from - 1));
        }
        ::close(peer);
    }

    void answer(int peer, const std::string& path) {
        played_answer said;
        {
            const std::lock_guard hold(guard_);
            said = answers_[path];
        }
        ::send(peer, said.text.data(), said.text.size(), MSG_NOSIGNAL);
        while (said.stays_open && !port_.over()) {
            pollfd line{peer, POLLIN, 0};
            char rest = 0;
            if (::poll(&line, 1, 5) > 0 && ::recv(peer, &rest, 1, 0) <= 0) {
                break;
            }
        }
    }

    std::mutex guard_;
    std::map<std::string, played_answer> answers_;
    http::test::accepting_port port_;
};

struct kept_text final : run_sink {
    void on_text(std::string_view piece, const run_progress& /*now*/) override { text += piece; }
    std::string text;
};

constexpr core::milliseconds brief{200};
constexpr core::seconds long_enough{30};

class remote_backend_test : public testing::Test {
protected:
    remote_backend_test() {
        context.on = loop.get_executor();
        context.clock = &clock;
        context.tasks = &tasks;
        entry.name = "a";
        entry.tier = 1;  // others can serve meanwhile
        entry.runtime.traits.embedding.target = "/api/embed";
        entry.runtime.traits.embedding.vectors = "/embeddings/*";
        remote_settings settings;
        settings.label = "a";
        settings.at = {"127.0.0.1", server.port()};
        settings.model = "a";
        settings.has_others = true;
        made = std::make_unique<remote_backend>(context, entry, std::move(settings), 1);
        made->start();
        EXPECT_TRUE(loop_until([this] { return is_ready(); }));
    }
    ~remote_backend_test() override {
        made.reset();
        boost::asio::post(loop, [this] { tasks.cancel(); });
        EXPECT_TRUE(loop_until([this] { return tasks.empty(); }));
    }

    [[nodiscard]] bool is_ready() const { return made->available().state == availability_state::ready; }

    bool loop_until(const std::function<bool()>& condition) { return run_until(loop, condition); }

    run_outcome ask(core::nanoseconds deadline, core::nanoseconds leaves_after = long_enough) {
        run_spec what;
        what.id = std::to_string(++asked);
        what.prompt.turns = "hi";
        what.prompt.verbatim = true;
        what.until = core::deadline::after(deadline, clock.now());
        auto control = std::make_shared<run_control>(loop.get_executor());
        auto out = std::make_shared<std::optional<run_outcome>>();
        tasks.spawn("ask", keep(made->run(std::move(what), sink, *control, {}), out));
        const core::deadline leaves = core::deadline::after(leaves_after, clock.now());
        EXPECT_TRUE(loop_until([&] {
            if (leaves.passed(clock.now()) && !control->cancelled()) {
                control->cancel();
            }
            return out->has_value();
        }));
        return out->value_or(run_outcome{});
    }
    chat::failure embed(core::nanoseconds deadline) {
        embedding_order order{{"a"}, true, core::deadline::after(deadline, clock.now())};
        auto out = std::make_shared<std::optional<embedding_outcome>>();
        tasks.spawn("embed", keep(made->embed(std::move(order)), out));
        EXPECT_TRUE(loop_until([&] { return out->has_value(); }));
        return out->has_value() && !**out ? (*out)->error() : chat::failure{};
    }
    template <typename T>
    static core::awaitable<void> keep(core::awaitable<T> what, std::shared_ptr<std::optional<T>> out) {
        T got = co_await std::move(what);
        out->emplace(std::move(got));
    }

    pathed_server server;
    boost::asio::io_context loop{1};
    core::steady_clock_source clock;
    core::task_group tasks{loop.get_executor(), [](const std::string& task, const std::string& what) {
                               ADD_FAILURE() << task << ": " << what;
                           }};
    supervisor::supervisor_context context;
    catalog::model_entry entry;
    std::unique_ptr<remote_backend> made;
    kept_text sink;
    int asked = 0;
};

const std::string half_refused = "HTTP/1.1 500 X\r\nContent-Length: 100\r\n\r\nab";

TEST_F(remote_backend_test, a_deadline_that_passes_takes_no_server_from_others) {
    for (const std::string& so_far : {std::string(), half_refused}) {
        server.say("/api/generate", {so_far, true});
        server.say("/api/embed", {so_far, true});
        for (int i = 0; i < 2; ++i) {
            const run_outcome got = ask(brief);
            ASSERT_TRUE(got.failure) << so_far;
            EXPECT_EQ(got.failure->kind, chat::failure_kind::timed_out) << so_far;
            EXPECT_EQ(name_of(*got.failure), "request-deadline") << so_far;
            EXPECT_FALSE(got.failure->retryable);
            EXPECT_EQ(embed(brief).kind, chat::failure_kind::timed_out) << so_far;
        }
        EXPECT_TRUE(is_ready()) << made->available().reason.text();
    }
}

TEST_F(remote_backend_test, a_deadline_that_has_passed_blames_nobody) {
    EXPECT_EQ(name_of(embed(core::nanoseconds{0})), "request-deadline");
    const run_outcome got = ask(core::nanoseconds{0});
    ASSERT_TRUE(got.failure);
    EXPECT_EQ(name_of(*got.failure), "request-deadline");
    EXPECT_TRUE(is_ready()) << made->available().reason.text();
}

TEST_F(remote_backend_test, a_server_that_fails_within_the_deadline_is_rested) {
    server.say("/api/generate", {whole_answer(500, "{}")});
    for (int i = 0; i < 2; ++i) {
        const run_outcome got = ask(long_enough);
        ASSERT_TRUE(got.failure);
        EXPECT_EQ(name_of(*got.failure), "remote-failed");
    }
    EXPECT_FALSE(is_ready());
}

TEST_F(remote_backend_test, a_busy_server_says_when_it_may_be_asked_again) {
    const std::string busy = "HTTP/1.1 503 X\r\nRetry-After: 42\r\nContent-Length: 2\r\n\r\n{}";
    server.say("/api/generate", {busy});
    server.say("/api/embed", {busy});
    const run_outcome got = ask(long_enough);
    ASSERT_TRUE(got.failure);
    EXPECT_EQ(got.failure->kind, chat::failure_kind::unavailable);
    EXPECT_EQ(got.failure->retry_after, core::seconds{42});
    EXPECT_EQ(embed(long_enough).retry_after, core::seconds{42});
    EXPECT_TRUE(is_ready());
}

TEST_F(remote_backend_test, a_client_that_leaves_waits_for_no_refusal) {
    server.say("/api/generate", {half_refused, true});
    const auto began = std::chrono::steady_clock::now();
    EXPECT_EQ(ask(long_enough, brief).end, run_end::cancelled);
    EXPECT_LT(std::chrono::steady_clock::now() - began, core::seconds{5});  // clocks.call is 10 s
    EXPECT_TRUE(is_ready()) << made->available().reason.text();
}

}  // namespace
}  // namespace corral::engine::ollama_remote
