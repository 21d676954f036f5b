#include "api/server_timing.hpp"

#include <gmock/gmock.h>

#include "api/run_figures.hpp"

namespace corral::api {
namespace {

using std::chrono::milliseconds;

http::request asking(const std::string& value) {
    http::request out;
    out.headers.add("X-Corral-Timing", value);
    return out;
}

TEST(server_timing, only_for_who_asks) {
    EXPECT_TRUE(wants_timing(asking("1")));
    EXPECT_FALSE(wants_timing(asking("0")));
    EXPECT_FALSE(wants_timing(asking("")));
    EXPECT_FALSE(wants_timing(http::request{}));
}

TEST(server_timing, before_the_first_byte_only_what_is_known_by_then) {
    chat::generation_timings took;
    took.queue = milliseconds{3};
    took.reset = milliseconds{20};
    EXPECT_EQ(server_timing(took), "queue;dur=3.000, reset;dur=20.000");
    EXPECT_EQ(server_timing({}), "") << "it still waits for its turn";
}

TEST(server_timing, at_the_end_the_stages_add_up_to_the_total_and_parts_say_what_they_are_parts_of) {
    chat::generation_timings took;
    took.queue = milliseconds{1};
    took.reset = milliseconds{2};
    took.prefill = milliseconds{30};
    took.decode = milliseconds{400};
    took.total = milliseconds{435};
    took.tokenise = milliseconds{5};
    took.detokenise = milliseconds{6};
    took.delivery = core::nanoseconds{1500};
    EXPECT_EQ(server_timing(took),
              "queue;dur=1.000, reset;dur=2.000, prefill;dur=30.000, decode;dur=400.000, other;dur=2.000, "
              "total;dur=435.000, tokenise;dur=5.000;desc=\"part of prefill\", "
              "detokenise;dur=6.000;desc=\"part of decode\", delivery;dur=0.002;desc=\"part of the answer\"");
}

// The stages of one run on a clock that moves as it is told.
class run_stages : public testing::Test {
protected:
    run_stages() {
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

TEST_F(run_stages, add_up_to_the_total) {
    const chat::generation_timings all = took();
    EXPECT_EQ(all.queue, milliseconds{10});
    EXPECT_EQ(all.reset, milliseconds{20});
    EXPECT_EQ(all.queue + all.reset + all.prefill + all.decode, all.total);
    EXPECT_FALSE(all.tokenise);
    EXPECT_FALSE(all.detokenise);
}

TEST_F(run_stages, a_runtime_that_says_its_prefill_is_believed_within_what_passed) {
    now.stages.prefill = milliseconds{250};
    EXPECT_EQ(took().prefill, milliseconds{250});
    EXPECT_EQ(took().decode, milliseconds{950});
    now.stages.prefill = milliseconds{5000};
    EXPECT_EQ(took().prefill, milliseconds{1200}) << "no more than prefill and decode took together";
    EXPECT_EQ(took().decode, milliseconds{0});
    now.stages.prefill = milliseconds{-5};
    EXPECT_EQ(took().prefill, milliseconds{0});
}

TEST_F(run_stages, a_runtime_that_says_its_decode_only_is_believed_too) {
    now.stages.decode = milliseconds{1000};
    EXPECT_EQ(took().decode, milliseconds{1000});
    EXPECT_EQ(took().prefill, milliseconds{200});
}

TEST_F(run_stages, calls_of_the_tokenizer_are_told_beside_and_those_of_a_kept_run_are_added) {
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

}  // namespace
}  // namespace corral::api
