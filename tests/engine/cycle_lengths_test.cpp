// Text waits for the runtime's line on where its prompt stands. One that is late is not another program's doing.

#include <algorithm>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "engine/dialects/ax_poll/cycle_fsm.hpp"

namespace corral::engine::ax_poll {
namespace {

using core::milliseconds, core::seconds;

class cycle_lengths : public testing::Test {
protected:
    cycle_lengths() {
        signs_.tapped = signs_.reuses = true;
        signs_.sizes = {.positions = 256, .prompt_limit = 128, .chunk = 32, .vocabulary = 1000};
    }

    static cycle_settings settings() {
        cycle_settings out;
        out.can_encode = true;
        return out;
    }
    // A run of three ids, with its line before its text, or none; until it is over, or waits for longer than `patience`.
    void run(bool line, core::nanoseconds patience = seconds{10}) {
        run_spec what;
        what.prompt.verbatim = true;
        what.prompt.turns = "Hi";
        what.until = core::deadline::after(std::chrono::hours{1}, now_);
        said_.clear();
        line_ = line;
        fsm_.begin(std::move(what), true, now_);
        go_on(patience);
    }
    void go_on(core::nanoseconds patience) {
        const core::steady_time end = now_ + patience;
        for (int step = 0; step < 500 && now_ < end && said_.find("finish") == std::string::npos; ++step) {
            fsm_.see(signs_);
            answer(fsm_.next(now_));
        }
    }
    void tell_line() {
        (void)fsm_.on_output(
            "[I][ SetKVCache][ 614]: prefill_grpid:1 kv_cache_num:0 precompute_len:0 input_num_token:3\n",
            now_);
    }
    void answer(const cycle_action& next) {
        const core::result<control_reply> accepted = control_reply{control_verdict::accepted, 200};
        now_ += milliseconds{1};
        if (std::holds_alternative<act::encode>(next)) {
            fsm_.on_encoded(token_ids{1, 2, 3}, now_);
        } else if (std::holds_alternative<act::poll>(next)) {
            const std::string text = std::exchange(text_, {});
            fsm_.on_tap_text(text, signs_.tokens_wanted, false);
            fsm_.on_polled(now_ - milliseconds{1}, poll_answer{ended_, text}, now_);
            if (!text.empty() && after_text_) {
                after_text_();
            }
        } else if (const auto* const pause = std::get_if<act::rest>(&next)) {
            now_ = std::max(now_, std::min(pause->until, now_ + milliseconds{100}));
            fsm_.on_rested(now_);
        } else if (std::holds_alternative<act::reset>(next)) {
            signs_.tap = tap_view{};
            signs_.tap.reset_begun = signs_.tap.reset_answered = true;
            signs_.tap.reset_begun_at = now_;
            fsm_.on_reset(accepted, now_);
        } else if (std::holds_alternative<act::generate>(next)) {
            signs_.tap.run_begun = signs_.tap.encode_answered = true;
            signs_.tap.run_begun_at = now_;
            signs_.tap.turn_tokens = 3;
            signs_.tap.pieces_answered = signs_.tokens_made = signs_.tokens_wanted = made_;
            signs_.tap.calls_coming = calls_ ? 1 : 0;
            signs_.final_seen = false;
            ended_ = !after_text_;
            text_ = "words";
            if (line_) {
                tell_line();
            }
            fsm_.on_generated(accepted, now_);
        } else if (std::holds_alternative<act::stop>(next)) {
            fsm_.on_stopped(accepted, now_);
        } else if (std::holds_alternative<act::fetch_owed>(next)) {
            fsm_.on_owed(std::string(), false, now_);
        } else if (std::holds_alternative<act::repair_tap>(next)) {
            fsm_.on_repaired(now_);
        } else if (const auto* const told = std::get_if<act::deliver>(&next)) {
            said_ += told->text + ' ';
        } else if (std::holds_alternative<act::report_intrusion>(next)) {
            said_ += "intrusion ";
        } else if (std::holds_alternative<act::finish>(next)) {
            said_ += "finish";
        }
    }

    core::steady_time now_{seconds{1000}};
    cycle_clocks clocks_{settings().clocks};
    cycle_fsm fsm_{settings(), clocks_, now_};
    cycle_signs signs_;
    bool line_ = false;
    std::uint32_t made_ = 1;
    bool calls_ = false;                // the runtime, as the text is polled
    std::function<void()> after_text_;  // the run goes on until this says otherwise
    bool ended_ = true;
    std::string text_;
    std::string said_;
};

TEST_F(cycle_lengths, text_goes_out_with_its_line) {
    run(true);
    EXPECT_EQ(said_, "words finish");
    run(false, milliseconds{500});
    EXPECT_EQ(said_, "") << "this process prints it";
    tell_line();
    go_on(seconds{10});
    EXPECT_EQ(said_, "words finish");
}

TEST_F(cycle_lengths, a_line_that_never_comes_is_no_other_program) {
    run(true);
    run(false, milliseconds{1500});
    EXPECT_EQ(said_, "") << "it is run again";
    line_ = true;
    go_on(seconds{20});
    EXPECT_EQ(said_, "words finish");
}

TEST_F(cycle_lengths, waits_longer_by_what_our_own_loop_was_late) {
    run(true);
    run(false, milliseconds{500});
    clocks_.late.woke(now_, now_ + seconds{3});
    now_ += seconds{3};
    go_on(milliseconds{200});
    EXPECT_EQ(said_, "");
    line_ = false;
    tell_line();
    go_on(seconds{10});
    EXPECT_EQ(said_, "words finish") << "of the same run";
}

// Of three tokens, one piece. The runtime calls its tokenizer behind it, and `after` says what for.
class cycle_last_piece : public cycle_lengths {
protected:
    cycle_last_piece() {
        made_ = 3;
        after_text_ = [this] { end(6); };
        run(true);
        EXPECT_EQ(said_, "words finish") << "so this process has shown how it counts";
    }
    // The last call, and the line behind it.
    void end(std::uint32_t held) {
        signs_.tap.calls_coming = 0;
        signs_.final_seen = ended_ = true;
        const std::string line = "[I][ GetKVCache][ 583]: precompute_len:" + std::to_string(held) + "\n";
        (void)fsm_.on_output(line, now_);
    }
    void play(std::function<void()> after, core::nanoseconds patience) {
        calls_ = true;
        after_text_ = std::move(after);
        run(true, patience);
    }
};

TEST_F(cycle_last_piece, is_not_given_where_another_program_stopped_the_run) {
    play([this] { end(5); }, milliseconds{500});
    EXPECT_TRUE(said_.starts_with("intrusion ")) << said_;
    EXPECT_EQ(said_.find("words"), std::string::npos)
        << "its last token may be one of a step that was broken off";
}

TEST_F(cycle_last_piece, is_given_where_the_model_ended_the_run) {
    play([this] { end(6); }, seconds{10});
    EXPECT_EQ(said_, "words finish");
}

TEST_F(cycle_last_piece, goes_out_once_another_follows) {
    play([this] { signs_.tokens_made = signs_.tokens_wanted = 6; }, milliseconds{20});
    EXPECT_EQ(said_, "words ");
}

TEST_F(cycle_last_piece, a_connection_without_a_call_does_not_keep_it) {
    play([] {}, milliseconds{50});
    EXPECT_EQ(said_, "");
    go_on(milliseconds{300});
    EXPECT_EQ(said_, "words ");
}

}  // namespace
}  // namespace corral::engine::ax_poll
