// Every transition: what is open afterwards, and who gets in without a key.

#include "corral/config/door_policy.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace corral::config {
namespace {

using boost::asio::ip::make_address;
using boost::asio::ip::tcp;
using testing::HasSubstr;
using testing::IsEmpty;

const std::vector<std::string> addresses{
    "127.0.0.1", "127.0.0.2", "::1", "192.168.1.5", "0.0.0.0", "::", "::ffff:0.0.0.0", "::ffff:127.0.0.1"};

tcp::endpoint at(const std::string& address, std::uint16_t port = 11434) {
    return {make_address(address), port};
}

bool reachable(const tcp::endpoint& where) {
    const std::string text = where.address().to_string();
    return !text.starts_with("127.") && text != "::1" && text != "::ffff:127.0.0.1";
}

std::vector<door_rules> all_rules() {
    std::vector<door_rules> out;
    for (const std::string& address : addresses) {
        for (const std::uint16_t port : {std::uint16_t{11434}, std::uint16_t{8080}}) {
            for (unsigned bits = 0; bits < 8; ++bits) {
                out.push_back({at(address, port), (bits & 1U) != 0, (bits & 2U) != 0, (bits & 4U) != 0});
            }
        }
    }
    return out;
}

// The door may let everybody in only where this very file says so of this very place.
void expect_no_stranger(const std::string& how, const door& open, const door_rules& rules) {
    const bool said = rules.allow_unauthenticated && (open.managed || reachable(rules.listen));
    EXPECT_TRUE(!reachable(open.at) || rules.keys || said)
        << how << ": " << open.at << " with rules for " << rules.listen;
}

TEST(door_policy, no_start_or_activation_opens_without_a_key) {
    for (const door_rules& rules : all_rules()) {
        const door_plan fresh = plan_door({}, rules);
        if (fresh.step != door_step::refuse) {
            EXPECT_EQ(fresh.step, door_step::listen);
            expect_no_stranger("start", {rules.listen, false}, rules);
        }
        for (const std::string& address : addresses) {
            const door managed{at(address), true};
            const door_plan plan = plan_door(managed, rules);
            ASSERT_TRUE(plan.step == door_step::keep || plan.step == door_step::refuse);
            if (plan.step == door_step::keep) {
                expect_no_stranger("activation", managed, rules);
            }
        }
    }
}

TEST(door_policy, no_upgrade_opens_without_a_key_not_even_where_the_new_address_is_taken) {
    for (const door_rules& rules : all_rules()) {
        for (const std::string& address : addresses) {
            const door before{at(address), false};
            const door_plan plan = plan_door(before, rules);
            if (plan.step == door_step::keep) {
                EXPECT_TRUE(same_door(before.at, rules.listen));
                expect_no_stranger("kept", before, rules);
            } else if (plan.step == door_step::move) {
                expect_no_stranger("moved", {rules.listen, false}, rules);
                if (plan.may_stay) {
                    expect_no_stranger("went back", before, rules);
                }
            } else {
                EXPECT_EQ(plan.step, door_step::refuse);
                EXPECT_THAT(plan.why.message, HasSubstr("without a key"));
            }
        }
    }
}

TEST(door_policy, no_reload_opens_without_a_key_for_the_door_stays) {
    for (const door_rules& rules : all_rules()) {
        for (const std::string& address : addresses) {
            for (const bool managed : {false, true}) {
                const door open{at(address), managed};
                if (refuse_rules(open, rules).empty()) {
                    expect_no_stranger("reload", open, rules);
                } else {
                    EXPECT_TRUE(reachable(open.at) && !rules.keys);
                }
            }
        }
    }
}

TEST(door_policy, a_reload_to_loopback_without_keys_is_refused_while_the_network_comes_in) {
    const door_rules local{at("127.0.0.1"), false, false, false};
    EXPECT_THAT(refuse_rules({at("0.0.0.0"), false}, local).text(),
                HasSubstr("0.0.0.0:11434 until it is restarted"));
    EXPECT_TRUE(refuse_rules({at("127.0.0.1"), false}, local).empty());
    // What is said of one address is not said of another.
    const door_rules local_open{at("127.0.0.1"), false, false, true};
    EXPECT_NE(refuse_rules({at("0.0.0.0"), false}, local_open), "");
    EXPECT_EQ(refuse_rules({at("0.0.0.0"), true}, local_open), "");
    const door_rules all_open{at("0.0.0.0", 8080), false, false, true};
    EXPECT_EQ(refuse_rules({at("0.0.0.0"), false}, all_open), "");
    EXPECT_EQ(refuse_rules({at("192.168.1.5"), false}, all_open), "");
    EXPECT_NE(refuse_rules({at("::"), false}, all_open), "");
}

TEST(door_policy, an_upgrade_from_the_network_to_loopback_moves_and_never_goes_back) {
    const door_plan plan = plan_door(door{at("0.0.0.0"), false}, {at("127.0.0.1"), false, false, false});
    EXPECT_EQ(plan.step, door_step::move);
    EXPECT_FALSE(plan.may_stay);
    EXPECT_TRUE(plan_door(door{at("0.0.0.0"), false}, {at("127.0.0.1"), true, false, false}).may_stay);
    EXPECT_EQ(plan_door(door{at("127.0.0.1"), false}, {at("127.0.0.1", 0), false, false, false}).step,
              door_step::keep);
}

TEST(door_policy, connections_of_a_closed_address_are_not_kept) {
    const door local{at("127.0.0.1"), false};
    EXPECT_TRUE(leads_to(local, make_address("127.0.0.1")));
    EXPECT_TRUE(leads_to(local, make_address("::ffff:127.0.0.1")));
    EXPECT_FALSE(leads_to(local, make_address("192.168.1.5")));
    EXPECT_FALSE(leads_to(local, make_address("::ffff:192.168.1.5")));
    EXPECT_TRUE(leads_to({at("0.0.0.0"), false}, make_address("192.168.1.5")));
    EXPECT_TRUE(leads_to({at("::"), false}, make_address("::ffff:192.168.1.5")));
    EXPECT_FALSE(leads_to({at("0.0.0.0"), false}, make_address("fd00::5")));
    EXPECT_FALSE(leads_to({at("192.168.1.6"), false}, make_address("192.168.1.5")));
}

TEST(door_policy, keys_in_clear_are_told_for_the_door_that_is_open) {
    const door_rules keyed{at("127.0.0.1"), true, false, false};
    EXPECT_THAT(door_warnings({at("127.0.0.1"), false}, keyed), IsEmpty());
    EXPECT_EQ(door_warnings({at("0.0.0.0"), false}, keyed).size(), 1U);
    EXPECT_THAT(door_warnings({at("0.0.0.0"), false}, {at("0.0.0.0"), true, true, false}), IsEmpty());
}

}  // namespace
}  // namespace corral::config
