#include "corral/incidents/incident_policy.hpp"

#include <gtest/gtest.h>

#include "corral/supervisor/group.hpp"

namespace corral::incidents {
namespace {

using core::milliseconds;
using core::seconds;
using supervisor::service_state;
using supervisor::trouble;

constexpr core::steady_time begin{seconds{1000}};

supervisor::transition_record record(const std::string& service, service_state to, trouble what,
                                     milliseconds after = milliseconds{0}) {
    supervisor::transition_record out;
    out.service = service;
    out.from = service_state::ready;
    out.to = to;
    out.failure = what;
    out.at = begin + after;
    out.reason = core::reason::unlisted(service + " " + to_string(what));
    return out;
}

incident of(trouble kind, const std::string& service = "runtime") {
    incident out;
    out.kind = kind;
    out.first = record(service, service_state::stopping, kind);
    return out;
}

TEST(incident_watch, a_tokenizer_that_takes_its_runtime_along_is_one_incident) {
    incident_watch watch;
    EXPECT_TRUE(watch.note(record("tokenizer", service_state::stopping, trouble::crash)));
    EXPECT_FALSE(watch.note(record("runtime", service_state::stopping, trouble::crash, milliseconds{50})));
    watch.note(record("tokenizer", service_state::starting, trouble::none, milliseconds{100}));
    EXPECT_EQ(watch.due(), begin + incident_watch::longest) << "the runtime's end is not known yet";
    watch.note(record("runtime", service_state::waiting, trouble::none, milliseconds{200}));
    EXPECT_EQ(watch.due(), begin + milliseconds{50} + incident_watch::quiet);
    const auto what = watch.take();
    ASSERT_TRUE(what);
    EXPECT_EQ(what->first.service, "tokenizer");
    EXPECT_EQ(what->troubles, 2U);
    ASSERT_EQ(what->further.size(), 1U);
    EXPECT_EQ(what->further[0].service, "runtime");
    EXPECT_FALSE(watch.due());
    EXPECT_FALSE(watch.take());
}

TEST(incident_watch, steps_without_trouble_are_none) {
    incident_watch watch;
    EXPECT_FALSE(watch.note(record("runtime", service_state::stopping, trouble::none)));
    EXPECT_FALSE(watch.note(record("runtime", service_state::ready, trouble::none)));
    EXPECT_FALSE(watch.due());
}

TEST(incident_watch, the_crash_that_opens_the_breaker_is_told_as_that) {
    incident_watch watch;
    watch.note(record("runtime", service_state::stopping, trouble::crash));
    watch.note(record("runtime", service_state::broken, trouble::breaker, milliseconds{20}));
    EXPECT_EQ(watch.due(), begin + milliseconds{20} + incident_watch::quiet);
    EXPECT_EQ(watch.take()->kind, trouble::breaker);
}

TEST(incident_watch, a_storm_is_bounded_in_time_and_memory) {
    incident_watch watch;
    for (int i = 0; i < 1000; ++i) {
        watch.note(record("runtime", service_state::stopping, trouble::failed_start, milliseconds{20 * i}));
        watch.note(record("runtime", service_state::starting, trouble::none, milliseconds{20 * i + 5}));
    }
    EXPECT_EQ(watch.due(), begin + incident_watch::longest);
    const auto what = watch.take();
    EXPECT_EQ(what->troubles, 1000U);
    EXPECT_LE(what->further.size(), 16U);
}

TEST(incident_ration, a_storm_of_crashes_writes_a_bounded_number_a_minute) {
    incident_ration ration;
    int granted = 0;
    for (int second = 0; second < 60; ++second) {
        ration.on_ready("m", "runtime");
        granted += ration.grant("m", of(trouble::crash), begin + seconds{second}) ? 1 : 0;
    }
    EXPECT_EQ(granted, static_cast<int>(incident_ration::most_a_minute));
    EXPECT_EQ(ration.take_refused(), 60 - incident_ration::most_a_minute);
    EXPECT_EQ(ration.take_refused(), 0U);
    EXPECT_TRUE(ration.grant("m", of(trouble::crash), begin + seconds{61}));
}

TEST(incident_ration, a_model_that_never_starts_does_not_push_out_what_is_worth_keeping) {
    incident_ration ration;
    int granted = 0;
    for (int minute = 0; minute < 300; ++minute) {
        const auto now = begin + std::chrono::minutes{minute};
        granted += ration.grant("m", of(trouble::failed_start), now) ? 1 : 0;
        granted += ration.grant("m", of(trouble::breaker), now) ? 1 : 0;
    }
    EXPECT_EQ(granted, 2);
    EXPECT_TRUE(ration.grant("m", of(trouble::failed_start, "tokenizer"), begin + std::chrono::minutes{301}));
    EXPECT_TRUE(ration.grant("other", of(trouble::failed_start), begin + std::chrono::minutes{302}));
    EXPECT_TRUE(ration.grant("m", of(trouble::failed_start), begin + std::chrono::hours{7}));
}

TEST(incident_ration, after_a_good_start_a_failed_one_is_news) {
    incident_ration ration;
    EXPECT_TRUE(ration.grant("m", of(trouble::breaker), begin));
    EXPECT_FALSE(ration.grant("m", of(trouble::breaker), begin + seconds{70}));
    ration.on_ready("m", "runtime");
    EXPECT_TRUE(ration.grant("m", of(trouble::breaker), begin + seconds{140}));
}

}  // namespace
}  // namespace corral::incidents
