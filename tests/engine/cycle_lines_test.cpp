// Without the tap only the runtime's lines tell that a reset or a prompt failed. On a starved box a terminal brings
// them after the poll that says done.

#include <algorithm>
#include <string>
#include <string_view>
#include <utility>

#include <gtest/gtest.h>

#include "engine/dialects/ax_poll/cycle_fsm.hpp"

namespace corral::engine::ax_poll {
namespace {

using core::milliseconds, core::seconds;

constexpr std::string_view reset_line =
    "[I][ GenerateKVCachePrefill][ 324]: input token num : 12, prefill_split_num : 1\n";
constexpr std::string_view chunk_line = "[I][ GenerateKVCachePrefill][ 367]: input_num_token:12\n";
constexpr std::string_view reset_failed = "[E][ Reset][ 134]: reset failed, status: 500\n";
constexpr std::string_view run_line =
    "[I][ SetKVCache][ 614]: prefill_grpid:1 precompute_len:12 input_num_token:3\n";
constexpr std::string_view encode_failed = "[E][ Encode][ 820]: encode failed\n";

class cycle_lines : public testing::Test {
protected:
    cycle_lines() { signs_.sizes = {.positions = 256, .prompt_limit = 128, .chunk = 32, .vocabulary = 1000}; }

    // Until it is over, or for so long. The runtime prints what stands in the two members as its work begins.
    void run(core::nanoseconds patience) {
        run_spec what;
        what.prompt.system = "Be brief.";
        what.prompt.turns = "Hi";
        what.until = core::deadline::after(std::chrono::hours{1}, now_);
        said_.clear();
        fsm_.begin(std::move(what), true, now_);
        go_on(patience);
    }
    void go_on(core::nanoseconds patience) {
        const core::steady_time end = now_ + patience;
        for (int step = 0; step < 2000 && now_ < end && said_.find("finish") == std::string::npos; ++step) {
            fsm_.see(signs_);
            answer(fsm_.next(now_));
        }
    }
    bool print(std::string_view lines) { return fsm_.on_output(lines, now_); }

    void answer(const cycle_action& next) {
        const core::result<control_reply> accepted = control_reply{control_verdict::accepted, 200};
        now_ += milliseconds{1};
        if (std::holds_alternative<act::poll>(next)) {
            const bool begins = std::exchange(begins_, false);
            fsm_.on_polled(now_ - milliseconds{1},
                           poll_answer{!begins, begins ? std::string() : std::exchange(text_, {})}, now_);
        } else if (const auto* const pause = std::get_if<act::rest>(&next)) {
            now_ = std::max(now_, std::min(pause->until, now_ + milliseconds{100}));
            fsm_.on_rested(now_);
        } else if (std::holds_alternative<act::reset>(next)) {
            said_ += "reset ";
            begins_ = true;
            (void)print(at_reset_);
            fsm_.on_reset(accepted, now_);
        } else if (std::holds_alternative<act::generate>(next)) {
            said_ += "generate ";
            begins_ = true;
            text_ = "words";
            (void)print(at_run_);
            fsm_.on_generated(accepted, now_);
        } else if (std::holds_alternative<act::stop>(next)) {
            fsm_.on_stopped(accepted, now_);
        } else if (std::holds_alternative<act::fetch_owed>(next)) {
            fsm_.on_owed(std::string(), false, now_);
        } else if (const auto* const told = std::get_if<act::deliver>(&next)) {
            said_ += told->text + ' ';
        } else if (std::holds_alternative<act::finish>(next)) {
            said_ += "finish";
        }
    }

    core::steady_time now_{seconds{1000}};
    cycle_clocks clocks_{cycle_settings{}.clocks};
    cycle_fsm fsm_{cycle_settings{}, clocks_, now_};
    cycle_signs signs_;
    std::string_view at_reset_ = reset_line;
    std::string_view at_run_ = run_line;
    bool begins_ = false;
    std::string text_;
    std::string said_;
};

TEST_F(cycle_lines, no_prompt_goes_out_before_the_line_of_its_reset) {
    run(seconds{10});
    EXPECT_EQ(said_, "reset generate words finish");
    at_reset_ = {};
    run(milliseconds{500});
    EXPECT_EQ(said_, "reset ") << "this process prints it";
    at_reset_ = reset_line;
    EXPECT_TRUE(print(std::string(reset_failed) + std::string(reset_line))) << "it wakes who waits";
    go_on(seconds{10});
    EXPECT_EQ(said_, "reset reset generate words finish")
        << "the system prompt before would have stood before the prompt";
}

TEST_F(cycle_lines, a_line_of_the_reset_before_is_none_of_this) {
    run(seconds{10});
    at_reset_ = chunk_line;
    run(milliseconds{500});
    EXPECT_EQ(said_, "reset ");
    print(reset_line);
    go_on(seconds{10});
    EXPECT_EQ(said_, "reset generate words finish");
}

TEST_F(cycle_lines, a_reset_whose_line_never_comes_was_not_seen) {
    run(seconds{10});
    at_reset_ = {};
    run(seconds{60});
    EXPECT_EQ(said_.find("words"), std::string::npos) << said_;
    EXPECT_EQ(said_.find("reset reset reset "), 0U) << said_;
}

TEST_F(cycle_lines, no_text_is_given_before_the_line_of_its_run) {
    run(seconds{10});
    at_run_ = {};
    run(milliseconds{500});
    EXPECT_EQ(said_, "reset generate ");
    at_run_ = run_line;
    print(std::string(encode_failed) + std::string(run_line));
    go_on(seconds{10});
    EXPECT_EQ(said_, "reset generate reset generate words finish") << "it answered the prompt before";
}

TEST_F(cycle_lines, a_runtime_that_prints_none_of_them_serves_without_a_wait) {
    at_reset_ = at_run_ = {};
    run(milliseconds{900});
    EXPECT_EQ(said_, "reset generate words finish");
}

}  // namespace
}  // namespace corral::engine::ax_poll
