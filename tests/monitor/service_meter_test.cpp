#include "corral/monitor/service_meter.hpp"

#include <gmock/gmock.h>

#include "supervisor/scripted_group.hpp"

namespace corral::monitor {
namespace {

using std::chrono::milliseconds;
using supervisor::service_state;
using supervisor::trouble;
using testing::HasSubstr;
using testing::Not;

class metered_service : public testing::Test {
protected:
    metered_service() {
        figures.collect_with([this](telemetry::metric_page& page) { meter.collect(page, now); });
        meter.watch("m:latest@0", services);
    }

    core::steady_time now = std::chrono::steady_clock::now();
    telemetry::metrics figures;
    supervisor::scripted_group services{"m"};
    service_meter meter{figures};
};

TEST_F(metered_service, a_crash_is_one_restart_by_that_cause_and_the_next_start_none) {
    services.move(service_state::starting, trouble::none, "");
    services.move(service_state::ready, trouble::none, "");
    services.move(service_state::waiting, trouble::crash, "it died");
    services.move(service_state::starting, trouble::none, "");
    services.move(service_state::ready, trouble::none, "");
    const std::string text = figures.text();
    const std::string at = "{backend=\"m:latest@0\",service=\"runtime\"";
    EXPECT_THAT(text, HasSubstr("corral_service_restarts_total" + at + ",cause=\"crash\"} 1\n"));
    EXPECT_THAT(text, HasSubstr("corral_service_restarts_total" + at + ",cause=\"hang\"} 0\n"));
    EXPECT_THAT(text, HasSubstr("corral_service_state" + at + ",state=\"ready\"} 1\n"));
    EXPECT_THAT(text, HasSubstr("corral_service_state" + at + ",state=\"starting\"} 0\n"));
    EXPECT_THAT(text, HasSubstr("corral_service_load_seconds_count" + at + "} 2\n"));
}

TEST_F(metered_service, an_open_breaker_shows_and_is_no_restart) {
    services.move(service_state::broken, trouble::breaker, "too often");
    const std::string text = figures.text();
    const std::string at = "{backend=\"m:latest@0\",service=\"runtime\"";
    EXPECT_THAT(text, HasSubstr("corral_service_breaker_open" + at + "} 1\n"));
    EXPECT_THAT(text, HasSubstr("corral_service_breaker_opened_total" + at + "} 1\n"));
    EXPECT_THAT(text, HasSubstr(",cause=\"crash\"} 0\n"));
}

TEST_F(metered_service, one_that_was_taken_out_of_the_configuration_is_on_no_page) {
    meter.forget(services);
    services.move(service_state::starting, trouble::none, "");
    EXPECT_THAT(figures.text(), Not(HasSubstr("m:latest@0")));
    EXPECT_TRUE(services.observers.empty());
}

supervisor::transition_record step(service_state from, service_state to, trouble what, milliseconds at) {
    supervisor::transition_record out;
    out.from = from;
    out.to = to;
    out.failure = what;
    out.at = core::steady_time{std::chrono::seconds{100} + at};
    return out;
}

TEST(service_tally, a_load_is_counted_from_the_process_that_became_ready) {
    service_tally seen;
    using enum service_state;
    EXPECT_FALSE(tally(seen, step(stopped, starting, trouble::none, milliseconds{0})));
    EXPECT_FALSE(tally(seen, step(starting, starting, trouble::none, milliseconds{10}))) << "a remark";
    EXPECT_FALSE(tally(seen, step(starting, starting, trouble::failed_start, milliseconds{500})));
    EXPECT_EQ(tally(seen, step(starting, ready, trouble::none, milliseconds{700})), milliseconds{200});
    EXPECT_EQ(seen.troubles[trouble::failed_start], 1U);
}

TEST(service_tally, one_that_was_ready_before_it_was_watched_has_no_load_time) {
    service_tally seen;
    EXPECT_FALSE(
        tally(seen, step(service_state::stopped, service_state::ready, trouble::none, milliseconds{5})));
}

}  // namespace
}  // namespace corral::monitor
