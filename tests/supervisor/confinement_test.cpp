// What is decided about a service's ports before each launch, and what is said of it.

#include "supervisor/service/confinement.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "corral/process/portguard.hpp"

namespace corral::supervisor {
namespace {

using catalog::guard_mode;
using testing::HasSubstr;
constexpr std::uint16_t built_in = 8000;
constexpr std::uint16_t given = 41234;
const core::steady_time now{core::seconds{100}};

service_spec wanted(guard_mode mode, bool can_follow = true) {
    service_spec spec;
    spec.command.command = {"python3"};
    spec.command.environment = process::clean_environment();
    spec.rules.port = built_in;
    spec.rules.guard = mode;
    spec.asked_port = built_in;
    spec.endpoint = {boost::asio::ip::address_v4::loopback(), given};
    if (can_follow) {
        spec.on_endpoint = [](const auto&) {};
    }
    return spec;
}

process::listening_socket every_interface() {
    process::listening_socket row;
    row.port = built_in;
    row.any_address = true;
    return row;
}

TEST(confinement, a_guarded_service_is_expected_at_its_private_port) {
    for (const guard_mode mode : {guard_mode::warn, guard_mode::require}) {
        const service_spec spec = wanted(mode);
        confinement confined(spec);
        process::spawn_spec command = spec.command;
        EXPECT_FALSE(confined.prepare(command, look_at_guard(spec.rules, command), now));
        EXPECT_EQ(confined.expected().port(), given);
        EXPECT_EQ(confined.asked_port(), built_in);
        EXPECT_EQ(command.environment["LD_PRELOAD"], process::find_portguard());
        EXPECT_EQ(command.environment["CORRAL_PORTGUARD"], "8000=41234");
    }
}

TEST(confinement, off_changes_nothing) {
    service_spec spec = wanted(guard_mode::off);
    spec.asked_port = 0;
    confinement confined(spec);
    process::spawn_spec command = spec.command;
    EXPECT_FALSE(confined.prepare(command, look_at_guard(spec.rules, command), now));
    EXPECT_EQ(command.environment, spec.command.environment);
    EXPECT_THAT(confined.describe(every_interface()), HasSubstr("guard = \"off\""));
}

TEST(confinement, without_the_library_warn_uses_the_programs_own_port_and_require_refuses) {
    service_spec spec = wanted(guard_mode::warn);
    spec.rules.guard_library = "/no/such/library.so";
    confinement lenient(spec);
    process::spawn_spec command = spec.command;
    EXPECT_FALSE(lenient.prepare(command, look_at_guard(spec.rules, command), now));
    EXPECT_EQ(lenient.expected().port(), built_in);
    EXPECT_FALSE(lenient.asked_port());
    EXPECT_FALSE(command.environment.contains("LD_PRELOAD"));
    EXPECT_THAT(lenient.describe(every_interface()), HasSubstr("/no/such/library.so"));

    spec.rules.guard = guard_mode::require;
    confinement strict(spec);
    const auto fault = strict.prepare(command, look_at_guard(spec.rules, command), now);
    ASSERT_TRUE(fault);
    EXPECT_THAT(fault->message, HasSubstr("/no/such/library.so"));
    EXPECT_THAT(fault->advice, HasSubstr("guard = \"warn\""));
}

TEST(confinement, a_guard_without_effect_is_followed_only_where_that_is_allowed) {
    struct row {
        guard_mode mode;
        bool can_follow;
        bool followed;
    };
    for (const row& one : {row{guard_mode::warn, true, true}, row{guard_mode::warn, false, false},
                           row{guard_mode::require, true, false}}) {
        const service_spec spec = wanted(one.mode, one.can_follow);
        confinement confined(spec);
        process::spawn_spec command = spec.command;
        ASSERT_FALSE(confined.prepare(command, look_at_guard(spec.rules, command), now));
        EXPECT_EQ(confined.had_no_effect(), one.followed);
        EXPECT_EQ(confined.expected().port(), one.followed ? built_in : given);
        ASSERT_FALSE(confined.prepare(command, look_at_guard(spec.rules, command), now));
        EXPECT_EQ(confined.expected().port(), one.followed ? built_in : given) << "it is not forgotten";
        confined.forget();
        ASSERT_FALSE(confined.prepare(command, look_at_guard(spec.rules, command), now));
        EXPECT_EQ(confined.expected().port(), given) << "until a person asks for a start";
    }
}

TEST(confinement, a_refusal_lasts_until_its_time_or_until_a_person_asks) {
    const service_spec spec = wanted(guard_mode::require);
    confinement confined(spec);
    process::spawn_spec command = spec.command;
    confined.refuse({"unguarded", core::reason::unlisted("it is open"), "close it"}, now + core::seconds{60});
    ASSERT_TRUE(confined.prepare(command, look_at_guard(spec.rules, command), now));
    EXPECT_EQ(confined.prepare(command, look_at_guard(spec.rules, command), now + core::seconds{59})->message,
              "it is open");
    EXPECT_FALSE(confined.prepare(command, look_at_guard(spec.rules, command), now + core::seconds{60}));
    confined.refuse({"unguarded", core::reason::unlisted("it is open"), "close it"}, now + core::seconds{90});
    confined.forget();
    EXPECT_FALSE(confined.prepare(command, look_at_guard(spec.rules, command), now));
}

TEST(confinement, says_what_is_open_and_where) {
    const service_spec spec = wanted(guard_mode::warn);
    const confinement confined(spec);
    EXPECT_EQ(confined.describe(every_interface()),
              "listens on every interface at port 8000: reachable from the network, without authentication; "
              "the guard had no effect on it");
    process::listening_socket one_address;
    one_address.port = 9;
    EXPECT_THAT(confined.describe(one_address), HasSubstr("a network address at port 9"));
}

TEST(confinement, another_image_of_the_program_knows_where_a_process_is_and_why) {
    service_spec missing = wanted(guard_mode::warn);
    missing.rules.guard_library = "/no/such/library.so";
    for (const bool reaches : {true, false}) {
        for (const service_spec& spec : {wanted(guard_mode::warn), missing}) {
            confinement first(spec);
            process::spawn_spec command = spec.command;
            ASSERT_FALSE(first.prepare(command, look_at_guard(spec.rules, command), now));
            if (!reaches && first.expected().port() == given) {
                ASSERT_TRUE(first.had_no_effect());
            }
            confinement second(spec);
            second.resume(first.followed(), first.unreached(), first.unguarded());
            EXPECT_EQ(second.expected(), first.expected());
            EXPECT_EQ(second.followed(), first.followed());
            EXPECT_EQ(second.describe(every_interface()), first.describe(every_interface()));
            ASSERT_FALSE(second.prepare(command, look_at_guard(spec.rules, command), now));
            EXPECT_EQ(second.expected(), first.expected()) << "at the next launch";
        }
    }
}

}  // namespace
}  // namespace corral::supervisor
