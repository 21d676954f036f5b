#include "generation/run_figures.hpp"

#include <gtest/gtest.h>

#include "generation/answer_gates.hpp"

namespace corral::generation {
namespace {

using std::chrono::milliseconds;

// The stages of one run on a clock that moves as it is told.
class run_figures_test : public testing::Test {
protected:
    run_figures_test() {
        figures.arrive(clock.now());
        clock.advance(milliseconds{10});
        figures.begin_run(clock.now());
        clock.advance(milliseconds{20});
        now.reset_confirmed = clock.now();
        now.generate_accepted = clock.now();
        clock.advance(milliseconds{300});
        now.first_text = clock.now();
        now.usage.prompt_tokens = 10;
        now.usage.generated_tokens = 3;
        figures.note_text(now);
        clock.advance(milliseconds{900});
        now.usage.generated_tokens = 30;
    }
    chat::generation_timings took() {
        figures.note(now);
        return figures.timings(clock.now());
    }

    core::manual_clock clock;
    run_figures figures;
    engine::run_progress now;
};

TEST(hidden_block, costs_the_client_nothing) {
    hidden_block block(2U);
    std::uint32_t made = 0;
    const auto feed = [&](bool whole, bool before_answer) {
        const bool shown = block.admits(++made);
        if (shown) {
            block.look(whole, before_answer);
        }
        return shown;
    };
    for (int i = 0; i < 4; ++i) {
        EXPECT_TRUE(feed(i >= 2, true));
        EXPECT_EQ(block.tokens(), made) << "nothing else has come";
    }
    EXPECT_TRUE(feed(true, false));
    EXPECT_TRUE(feed(true, false));
    EXPECT_FALSE(block.cut());
    EXPECT_FALSE(feed(true, false));
    EXPECT_TRUE(block.cut());
    EXPECT_EQ(block.tokens(), 4U);
}

TEST(hidden_block, that_is_not_there_hides_nothing) {
    hidden_block block(1U);
    EXPECT_TRUE(block.admits(1));
    block.look(false, false);
    EXPECT_EQ(block.tokens(), 0U);
    EXPECT_FALSE(block.admits(2));
}

TEST(hidden_block, in_one_piece_with_the_answer_is_as_long_as_usual) {
    hidden_block block(std::nullopt);
    EXPECT_TRUE(block.admits(9));
    block.look(true, false);
    EXPECT_EQ(block.tokens(), hidden_block::usual);
    EXPECT_TRUE(block.admits(1000));
}

TEST_F(run_figures_test, hidden_tokens_are_not_counted) {
    figures.hide(4, 20);
    took();
    EXPECT_EQ(figures.usage().generated_tokens, 20U);
    figures.hide(14, 20);
    EXPECT_EQ(figures.usage().generated_tokens, 16U);
    figures.begin_run(clock.now());
    figures.note(now);
    EXPECT_EQ(figures.usage().generated_tokens, 30U);
}

TEST_F(run_figures_test, add_up_to_the_total) {
    const chat::generation_timings all = took();
    EXPECT_EQ(all.queue, milliseconds{10});
    EXPECT_EQ(all.reset, milliseconds{20});
    EXPECT_EQ(all.queue + all.reset + all.prefill + all.decode, all.total);
    EXPECT_FALSE(all.tokenise);
    EXPECT_FALSE(all.detokenise);
}

TEST_F(run_figures_test, a_runtime_that_says_its_prefill_is_believed_within_what_passed) {
    now.stages.prefill = milliseconds{250};
    EXPECT_EQ(took().prefill, milliseconds{250});
    EXPECT_EQ(took().decode, milliseconds{950});
    now.stages.prefill = milliseconds{5000};
    EXPECT_EQ(took().prefill, milliseconds{1200}) << "no more than prefill and decode took together";
    EXPECT_EQ(took().decode, milliseconds{0});
    now.stages.prefill = milliseconds{-5};
    EXPECT_EQ(took().prefill, milliseconds{0});
}

TEST_F(run_figures_test, a_runtime_that_says_its_decode_only_is_believed_too) {
    now.stages.decode = milliseconds{1000};
    EXPECT_EQ(took().decode, milliseconds{1000});
    EXPECT_EQ(took().prefill, milliseconds{200});
}

TEST_F(run_figures_test, milliseconds_in_the_place_of_nanoseconds_are_not_believed) {
    const chat::generation_timings seen = took();
    now.stages.prefill = core::nanoseconds{290};
    now.stages.decode = core::nanoseconds{910};
    EXPECT_EQ(took().prefill, seen.prefill);
    EXPECT_EQ(took().decode, seen.decode);
}

TEST_F(run_figures_test, calls_of_the_tokenizer_are_told_beside_and_those_of_a_kept_run_are_added) {
    now.stages.tokenise = milliseconds{4};
    now.stages.detokenise = milliseconds{7};
    EXPECT_EQ(took().tokenise, milliseconds{4});
    EXPECT_EQ(took().detokenise, milliseconds{7});
    figures.keep_run(clock.now());
    figures.begin_run(clock.now());
    EXPECT_EQ(figures.timings(clock.now()).detokenise, milliseconds{7});
    now.stages.detokenise = milliseconds{3};
    EXPECT_EQ(took().detokenise, milliseconds{10});
}

TEST(run_figures, no_count_and_no_time_that_a_runtime_states_breaks_the_arithmetic) {
    constexpr std::uint32_t counts[] = {0, 1, 2, 1'000'000'000, UINT32_MAX - 1, UINT32_MAX};
    constexpr core::nanoseconds spans[] = {core::nanoseconds::min(), core::nanoseconds{0}, milliseconds{1},
                                           core::nanoseconds::max()};
    for (const std::uint32_t first : counts) {
        for (const std::uint32_t last : counts) {
            for (const core::nanoseconds span : spans) {
                core::manual_clock clock;
                run_figures figures;
                figures.arrive(clock.now());
                for (int runs = 0; runs < 2; ++runs) {
                    engine::run_progress now;
                    figures.begin_run(clock.now());
                    now.generate_accepted = clock.now();
                    clock.advance(std::chrono::hours{20});
                    now.first_text = clock.now();
                    now.usage = {last, first, true};
                    figures.note_text(now);
                    clock.advance(std::chrono::hours{20});
                    now.usage = {first, last, true};
                    now.stages.detokenise = span;
                    now.stages.prefill = runs == 0 ? std::nullopt : std::optional(span);
                    figures.note(now);
                    const chat::generation_timings took = figures.timings(clock.now());
                    EXPECT_GE(took.prefill.count(), 0) << first << ' ' << last;
                    EXPECT_GE(took.decode.count(), 0) << first << ' ' << last;
                    if (runs == 0) {
                        EXPECT_EQ(took.prefill + took.decode, took.total) << first << ' ' << last;
                    }
                    figures.keep_run(clock.now());
                }
                EXPECT_GE(figures.usage().generated_tokens, std::min(last, 1'000'000'000U));
            }
        }
    }
}

TEST_F(run_figures_test, one_more_turn_needs_room_behind_what_was_read_and_written) {
    figures.note(now);
    EXPECT_FALSE(figures.leaves_room(0)) << "it is not known";
    EXPECT_FALSE(figures.leaves_room(10 + 30 + 64));
    EXPECT_TRUE(figures.leaves_room(10 + 30 + 65));
}

}  // namespace
}  // namespace corral::generation
