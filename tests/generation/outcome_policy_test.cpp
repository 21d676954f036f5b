#include "generation/outcome_policy.hpp"
#include "corral/core/say.hpp"

#include <gtest/gtest.h>

namespace corral::generation {
namespace {

using chat::failure_kind;
using chat::finish_reason;
using engine::run_end;

constexpr retry_limits usual{3, 2};

chat::failure failure(bool retryable) {
    chat::failure out;
    out.kind = failure_kind::runtime_failed;
    out.message = core::say("request.runtime-died/found", "the runtime died");
    out.retryable = retryable;
    return out;
}

engine::run_outcome ended(run_end how, bool retryable = false) {
    engine::run_outcome out;
    out.end = how;
    if (how == run_end::failed) {
        out.failure = failure(retryable);
    }
    return out;
}

struct changed {
    unsigned tries = 1;
    unsigned losses = 0;
    bool gone_out = false;
    bool deadline_passed = false;
    bool reader_gone = false;
    bool abandoned = false;
    bool judged = false;
    bool may_be_corrected = true;
};

run_standing standing(const changed& with) {
    run_standing out;
    out.tries = with.tries;
    out.harm = {with.losses, with.losses, 0, with.losses > 0 ? "it crashed" : "", {}};
    out.gone_out = with.gone_out;
    out.deadline_passed = with.deadline_passed;
    out.reader_gone = with.reader_gone;
    out.abandoned = with.abandoned;
    out.judged = with.judged;
    out.may_be_corrected = with.may_be_corrected;
    return out;
}

std::string told(const keep_judgement&) {
    return "keep";
}
std::string told(const judge_answer& next) {
    return next.reason == finish_reason::stop ? "judge stop" : "judge length";
}
std::string told(const run_again&) {
    return "again";
}
std::string told(const run_corrected& next) {
    return "corrected: " + next.violation;
}
std::string told(const finish_request& next) {
    return (next.reason == finish_reason::stop ? "stop:" : "length:") + next.text;
}
std::string told(const fail_request& next) {
    return name_of(next.why);
}

template <typename Decision>
std::string text(const Decision& decision) {
    return std::visit([](const auto& next) { return told(next); }, decision);
}

TEST(outcome_policy, says_what_follows_a_run) {
    const struct {
        changed at;
        engine::run_outcome outcome;
        const char* wanted;
    } table[] = {
        {{}, ended(run_end::stop), "judge stop"},
        {{}, ended(run_end::length), "judge length"},
        {{}, ended(run_end::cancelled), "run-cancelled"},
        {{}, ended(run_end::failed), "runtime-died"},
        {{}, ended(run_end::failed, true), "again"},
        {{.tries = 3}, ended(run_end::failed, true), "runtime-died"},
        {{.deadline_passed = true}, ended(run_end::failed, true), "runtime-died"},
        {{.gone_out = true}, ended(run_end::failed, true), "runtime-died"},
        {{.losses = 1}, ended(run_end::failed, true), "again"},
        {{.losses = 2}, ended(run_end::failed, true), "poisonous"},
        {{.losses = 2, .gone_out = true}, ended(run_end::failed, true), "runtime-died"},
        {{.judged = true}, ended(run_end::cancelled), "keep"},
        {{.judged = true}, ended(run_end::failed), "keep"},
        {{.losses = 2, .judged = true}, ended(run_end::failed), "poisonous"},
        {{.losses = 2, .gone_out = true, .judged = true}, ended(run_end::failed), "keep"},
        {{.reader_gone = true, .abandoned = true}, ended(run_end::cancelled), "cancelled"},
        {{.abandoned = true}, ended(run_end::stop), "shutting-down"},
        {{.losses = 2, .abandoned = true}, ended(run_end::failed, true), "shutting-down"},
    };
    for (const auto& row : table) {
        EXPECT_EQ(text(after_run(standing(row.at), usual, row.outcome)), row.wanted)
            << "row " << (&row - table);
    }
}

TEST(outcome_policy, a_poisonous_request_is_told_what_it_did) {
    const auto next = after_failure(standing({.losses = 2}), usual, failure(true));
    ASSERT_TRUE(std::holds_alternative<fail_request>(next));
    const chat::failure& why = std::get<fail_request>(next).why;
    EXPECT_EQ(why.kind, failure_kind::runtime_failed);
    EXPECT_FALSE(why.retryable);
    EXPECT_EQ(why.message,
              "the model's program stopped 2 times while it worked on this request, so the request is not "
              "tried again. "
              "Change it, or ask the operator.");
}

TEST(outcome_policy, a_refit_is_no_try_and_has_a_bound_of_its_own) {
    run_standing at = standing({.tries = 3});
    EXPECT_TRUE(std::holds_alternative<fail_request>(after_failure(at, usual, failure(true))));
    at.refits = 1;
    EXPECT_TRUE(std::holds_alternative<run_again>(after_failure(at, usual, failure(true))));
    chat::failure too_long = failure(true);
    too_long.kind = failure_kind::context_too_long;
    EXPECT_TRUE(std::holds_alternative<run_again>(after_failure(at, usual, too_long)));
    at.refits = usual.max_refits;
    const auto next = after_failure(at, usual, too_long);
    ASSERT_TRUE(std::holds_alternative<fail_request>(next));
    EXPECT_FALSE(std::get<fail_request>(next).why.retryable) << "it stays too long";
}

TEST(outcome_policy, deaths_and_hangs_count_together) {
    run_standing at = standing({});
    at.harm = {2, 1, 1, "No text came for 5 s.", {}};
    const auto next = after_failure(at, usual, failure(true));
    ASSERT_TRUE(std::holds_alternative<fail_request>(next));
    EXPECT_EQ(std::get<fail_request>(next).why.message,
              "the model's program stopped or hung 2 times while it worked on this request, so the request "
              "is not tried "
              "again. Change it, or ask the operator.");
}

TEST(outcome_policy, a_prompt_that_did_it_before_is_refused_before_it_runs) {
    const core::steady_time now{core::seconds{1000}};
    EXPECT_FALSE(before_run({}, usual, now));
    EXPECT_FALSE(before_run({1, 0, 1, "it hung.", now}, usual, now));
    const auto refused = before_run({2, 0, 2, "it hung.", now + core::seconds{500}}, usual, now);
    ASSERT_TRUE(refused);
    EXPECT_EQ(refused->why.kind, failure_kind::unsupported) << "a client library must not try it again";
    EXPECT_EQ(name_of(refused->why), "quarantined");
    EXPECT_FALSE(refused->why.retryable);
    EXPECT_EQ(refused->why.message,
              "the model's program hung 2 times while it worked on this prompt. It is refused for "
              "another 9 min, so that the model stays available to others. Change the prompt, or ask the "
              "operator to restart the model.");
}

TEST(outcome_policy, a_job_gives_way_where_that_pays) {
    using core::seconds;
    const struct {
        waited_for now;
        bool wanted;
    } table[] = {
        {{}, true},
        {{.parts = 7}, true},
        {{.parts = 8}, false},
        {{.generated = 49, .most = 50}, true},
        {{.generated = 50, .most = 50}, false},
        // 2 s for each of 10 tokens, and 10 more of them, against two loads.
        {{seconds{19}, seconds{60}, seconds{20}, 10, 20}, true},
        {{seconds{20}, seconds{60}, seconds{20}, 10, 20}, false},
        {{seconds{20}, seconds{60}, seconds{20}, 10, 21}, true},
        {{seconds{20}, seconds{40}, seconds{20}, 10, 21}, false},
        {{seconds{20}, seconds{41}, seconds{20}, 10}, true},
        {{seconds{20}, seconds{40}, seconds{20}, 10}, false},
    };
    for (const auto& row : table) {
        EXPECT_EQ(gives_way(row.now), row.wanted) << "row " << (&row - table);
    }
}

TEST(outcome_policy, says_what_follows_an_answer) {
    const judged_answer fits{{true, "{}", ""}, "Sure: {}", 1};
    const judged_answer call{{true, "", ""}, "", 1};
    const judged_answer wrong{{false, "", "$: no object"}, "Hello", 1};
    const judged_answer third{{false, "", "$: no object"}, "Hello", 3};
    const struct {
        changed at;
        finish_reason reason;
        std::optional<judged_answer> format;
        const char* wanted;
    } table[] = {
        {{}, finish_reason::stop, std::nullopt, "stop:"},
        {{}, finish_reason::length, std::nullopt, "length:"},
        {{}, finish_reason::stop, fits, "stop:{}"},
        {{}, finish_reason::length, fits, "stop:{}"},
        {{}, finish_reason::length, call, "length:"},
        {{}, finish_reason::length, wrong, "length:Hello"},
        {{}, finish_reason::stop, wrong, "corrected: $: no object"},
        {{.may_be_corrected = false}, finish_reason::stop, wrong, "format-unmet"},
        {{.deadline_passed = true}, finish_reason::stop, wrong, "format-unmet"},
        {{.tries = 3}, finish_reason::stop, third, "format-unmet"},
    };
    for (const auto& row : table) {
        EXPECT_EQ(text(after_answer(standing(row.at), usual, row.reason, row.format)), row.wanted)
            << "row " << (&row - table);
    }
}

TEST(outcome_policy, an_unmet_format_names_the_tries_and_the_violation) {
    const judged_answer wrong{{false, "", "$: no object"}, "Hello", 1};
    const auto next = after_answer(standing({.may_be_corrected = false}), usual, finish_reason::stop, wrong);
    ASSERT_TRUE(std::holds_alternative<fail_request>(next));
    EXPECT_EQ(std::get<fail_request>(next).why.kind, failure_kind::format_unmet);
    EXPECT_EQ(std::get<fail_request>(next).why.message,
              "the model's answer does not match the requested format after 1 try ($: no object); ask again, "
              "or ask for a simpler format");
}

}  // namespace
}  // namespace corral::generation
