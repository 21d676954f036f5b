#include "engine/dialects/ax_poll/tokenizer_client.hpp"

#include <optional>
#include <system_error>

#include <unistd.h>

#include <gtest/gtest.h>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>

#include "corral/http/client.hpp"
#include "engine/dialects/ax_poll/tokenizer_tap.hpp"
#include "played_server.hpp"

namespace corral::engine::ax_poll {
namespace {

using nlohmann::json;
using tests::played_answer;
using tests::played_server;
using tests::whole_answer;

constexpr std::size_t many = 50'000;

played_answer answer(const json& body) {
    return {whole_answer(200, body.dump())};
}

class tokenizer_client_test : public ::testing::Test {
protected:
    template <typename T>
    static core::awaitable<void> keep(core::awaitable<T> what, std::optional<T>& into) {
        into = co_await std::move(what);
    }
    template <typename T>
    T run(core::awaitable<T> what) {
        std::optional<T> out;
        core::asio::co_spawn(io, keep(std::move(what), out), core::asio::detached);
        while (!out) {
            io.restart();
            io.run_one_for(std::chrono::milliseconds{20});
        }
        return std::move(*out);
    }
    [[nodiscard]] core::deadline soon() const {
        return core::deadline::after(std::chrono::seconds{60}, clock.now());
    }

    boost::asio::io_context io{1};
    core::steady_clock_source clock;
    unsigned begun = 0;  // on other threads
    std::shared_ptr<core::disk_work> threads =
        std::make_shared<core::disk_work>([this](std::function<void()> what) {
            ++begun;
            core::disk_work::start_thread(std::move(what));
        });
};

TEST_F(tokenizer_client_test, json_of_a_long_prompt_is_written_and_read_beside_the_loop) {
    const played_server service({answer({{"diff", token_ids(many, 7)}}), answer({{"diff", {7}}})});
    const tokenizer_client client(service.at(), threads);
    const std::string text(200'000, 'x');
    const tokenizer_answer all = run(client.post("/encode", {{"text", text}}, tokenizer_field::diff, soon()));
    const unsigned once = begun;
    EXPECT_GE(once, 1U) << "a thread may serve both";
    EXPECT_EQ(all.ids, token_ids(many, 7));
    EXPECT_EQ(json::parse(service.bodies().at(0))["text"], text);
    const tokenizer_answer one = run(client.post("/encode", {{"text", "Hi"}}, tokenizer_field::diff, soon()));
    EXPECT_EQ(begun, once) << "a short one is done at once";
    EXPECT_EQ(one.ids, token_ids{7});
}

TEST_F(tokenizer_client_test, where_no_thread_is_to_be_had_a_long_prompt_is_encoded_all_the_same) {
    threads = std::make_shared<core::disk_work>([](const std::function<void()>&) {
        throw std::system_error(std::make_error_code(std::errc::resource_unavailable_try_again));
    });
    const played_server service({answer({{"diff", token_ids(many, 7)}})});
    const tokenizer_client client(service.at(), threads);
    const tokenizer_answer all =
        run(client.post("/encode", {{"text", std::string(200'000, 'x')}}, tokenizer_field::diff, soon()));
    EXPECT_EQ(all.ids.size(), many);
}

TEST_F(tokenizer_client_test, the_tap_reads_a_long_prompt_beside_the_loop) {
    const played_server service({answer({{"uid", "a"}}), answer({{"diff", token_ids(many, 7)}})});
    const auto tap = std::make_shared<tokenizer_tap>(io.get_executor(), clock,
                                                     tokenizer_client(service.at(), threads), tap_options{});
    tap->serve_only([] { return std::vector<pid_t>{::getpid()}; });
    const auto where = tap->listen();
    ASSERT_TRUE(where);
    http::client_call call;
    call.to = *where;
    call.method = "POST";
    call.target = "/encode";
    call.body = json{{"text", std::string(200'000, 'x')}}.dump();
    call.until = soon();
    call.max_reply_bytes = most_tokenizer_reply;
    const auto reply = run(http::call(std::move(call)));
    ASSERT_TRUE(reply) << reply.error().message;
    EXPECT_EQ(reply->status, 200U);
    EXPECT_EQ(json::parse(reply->body)["diff"].size(), many);
    EXPECT_GE(begun, 1U) << "one thread may serve the runtime's call, the tap's and the answer";
    EXPECT_EQ(tap->view().turn_tokens, many);
    tap->close();
}

}  // namespace
}  // namespace corral::engine::ax_poll
