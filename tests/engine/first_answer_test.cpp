// What a runtime must say before it counts as ready.

#include "engine/first_answer.hpp"

#include <gmock/gmock.h>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>

namespace corral::engine {
namespace {

using core::seconds;
using testing::HasSubstr;

// A run that says `pieces` until it is cancelled, and then ends as `end` says.
struct played_run {
    explicit played_run(std::vector<std::string> texts) : pieces(std::move(texts)) {}

    std::vector<std::string> pieces;
    std::optional<run_failure> failure;
    run_spec seen;
    std::size_t said = 0;

    core::awaitable<run_outcome> go(run_spec what, run_sink& sink, run_control& control) {
        seen = std::move(what);
        for (const std::string& piece : pieces) {
            if (!control.cancelled()) {
                ++said;
                sink.on_text(piece, {});
            }
        }
        run_outcome out;
        out.failure = failure;
        co_return out;
    }
};

core::result<void> ask(played_run& runtime, first_question question, const std::string& system = {}) {
    core::asio::io_context loop;
    catalog::model_entry model;
    model.default_system = system;
    first_run run = [&runtime](run_spec what, run_sink& sink, run_control& control) {
        return runtime.go(std::move(what), sink, control);
    };
    core::result<void> out =
        core::make_failure(core::errc::cancelled, core::reason::unlisted("nothing came"));
    core::asio::co_spawn(
        loop, ask_first_question(loop.get_executor(), model, std::move(question), std::move(run)),
        [&out](std::exception_ptr /*none*/, core::result<void> got) { out = std::move(got); });
    loop.run();
    return out;
}

TEST(first_answer, the_first_text_is_enough_and_nothing_more_is_waited_for) {
    played_run runtime({"", "O", "K", "!"});
    const core::deadline until{core::steady_time{} + seconds{90}};
    EXPECT_TRUE(ask(runtime, {.text = "Hi", .until = until}, "Be brief."));
    EXPECT_EQ(runtime.said, 2U) << "an empty piece is no text";
    EXPECT_EQ(runtime.seen.until.at(), until.at());
    EXPECT_EQ(runtime.seen.prompt.system, "Be brief.");
    EXPECT_EQ(runtime.seen.prompt.messages.back().text, "Hi");
    EXPECT_TRUE(runtime.seen.max_tokens);
}

TEST(first_answer, what_can_not_be_stopped_is_let_end) {
    played_run runtime({"O", "K", "!"});
    EXPECT_TRUE(ask(runtime, {.text = "Hi", .until = {}, .may_be_stopped = false}));
    EXPECT_EQ(runtime.said, 3U);
    EXPECT_FALSE(runtime.seen.max_tokens) << "who ignores a limit is not asked to keep one";
    EXPECT_FALSE(runtime.seen.prompt.system.empty());
}

TEST(first_answer, one_without_a_word_is_none) {
    played_run runtime({"", ""});
    EXPECT_THAT(ask(runtime, {.text = "Hi", .until = {}}).error().message, HasSubstr("had no text"));
}

TEST(first_answer, who_has_its_control_may_end_it) {
    core::asio::io_context elsewhere;
    const auto control = std::make_shared<run_control>(elsewhere.get_executor());
    control->cancel();
    played_run runtime({"O", "K"});
    EXPECT_FALSE(ask(runtime, {.text = "Hi", .until = {}, .control = control}));
    EXPECT_EQ(runtime.said, 0U);
}

TEST(first_answer, a_failed_run_is_told_also_after_its_first_text) {
    played_run runtime({"O"});
    runtime.failure.emplace();
    runtime.failure->message = core::reason::unlisted("The runtime died.");
    const auto got = ask(runtime, {.text = "Hi", .until = {}});
    ASSERT_FALSE(got);
    EXPECT_EQ(got.error().message, "A first test answer failed: The runtime died.");
}

}  // namespace
}  // namespace corral::engine
