#include "http/crowd.hpp"

#include <list>
#include <memory>
#include <random>
#include <set>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "http/body_budget.hpp"
#include "http/listener.hpp"

namespace corral::http {
namespace {

using core::milliseconds;
using core::seconds;

struct guest {
    std::string name;
    std::unique_ptr<crowd<guest>::place> place;
};

class crowd_test : public ::testing::Test {
protected:
    guest& enter(const std::string& name, const std::string& share, standing how = standing::idle) {
        clock.advance(milliseconds{1});
        guests.push_back(std::make_unique<guest>());
        guest& made = *guests.back();
        made.name = name;
        made.place = std::make_unique<crowd<guest>::place>(all, made, share, how, clock.now());
        return made;
    }
    std::string who_yields_to(const std::string& share) {
        const guest* found = all.yields_to(share, clock.now(), seconds{2});
        return found == nullptr ? "nobody" : found->name;
    }

    core::manual_clock clock;
    crowd<guest> all;
    std::vector<std::unique_ptr<guest>> guests;
};

TEST_F(crowd_test, oldest_idle_one_of_the_largest_share_yields) {
    enter("lonely", "b");
    enter("a1", "a", standing::busy);
    guest& second = enter("a2", "a");
    enter("a3", "a", standing::leaving);
    enter("a4", "a");
    EXPECT_EQ(who_yields_to("c"), "a3");
    guests[3]->place.reset();
    EXPECT_EQ(who_yields_to("c"), "a2");
    second.place->stand(standing::busy, clock.now());
    EXPECT_EQ(who_yields_to("c"), "a4");
    guests[4]->place.reset();
    EXPECT_EQ(who_yields_to("c"), "lonely") << "a has busy ones only";
}

TEST_F(crowd_test, nobody_yields_to_a_share_that_holds_as_much) {
    enter("a1", "a");
    enter("b1", "b");
    EXPECT_EQ(who_yields_to("c"), "a1");
    EXPECT_EQ(who_yields_to("b"), "b1");
    guests[0]->place->stand(standing::busy, clock.now());
    guests[1]->place->stand(standing::busy, clock.now());
    EXPECT_FALSE(all.has_yielding());
    EXPECT_EQ(who_yields_to("c"), "nobody");
}

TEST_F(crowd_test, stalled_one_yields_after_a_while) {
    enter("a1", "a", standing::stalled);
    enter("a2", "a", standing::busy);
    enter("b1", "b");
    EXPECT_EQ(who_yields_to("c"), "b1");
    clock.advance(seconds{3});
    EXPECT_EQ(who_yields_to("c"), "a1");
}

TEST_F(crowd_test, one_that_has_just_come_may_be_waited_for) {
    enter("b1", "b");
    enter("a1", "a", standing::opening);
    enter("a2", "a", standing::busy);
    const auto who = [this] { return all.yields_to({}, clock.now(), seconds{2}, milliseconds{250}); };
    EXPECT_EQ(who_yields_to("c"), "a1");
    EXPECT_EQ(who(), nullptr) << "nor does a smaller share lose for it";
    clock.advance(milliseconds{250});
    EXPECT_EQ(who(), guests[1].get());
    guests[1]->place->stand(standing::idle, clock.now());
    EXPECT_EQ(who(), nullptr) << "its next request may be on its way";
    clock.advance(milliseconds{250});
    EXPECT_EQ(who(), guests[1].get());
    guests[1]->place->stand(standing::leaving, clock.now());
    EXPECT_EQ(who(), guests[1].get()) << "nothing more comes of it";
}

TEST_F(crowd_test, whoever_moves_counts_where_it_went) {
    enter("a1", "a");
    guest& moved = enter("a2", "a");
    moved.place->move_to("key polite");
    EXPECT_EQ(all.members_of("a"), 1U);
    EXPECT_EQ(all.members_of("key polite"), 1U);
    enter("a3", "a");
    EXPECT_EQ(who_yields_to("key polite"), "a1");
    moved.place.reset();
    EXPECT_EQ(all.members_of("key polite"), 0U);
}

// Of a property: whatever the crowd, a share with less than the largest never loses a member to another.
TEST_F(crowd_test, whoever_holds_little_is_never_driven_out) {
    std::mt19937 random(7);
    const auto any = [&random](std::size_t below) { return static_cast<std::size_t>(random() % below); };
    constexpr std::size_t most = 40;
    guest& polite = enter("polite", "polite");
    for (int step = 0; step < 20'000; ++step) {
        const std::string share = "greedy" + std::to_string(any(4));
        clock.advance(milliseconds{static_cast<int>(any(50))});
        polite.place->stand(any(2) == 0 ? standing::idle : standing::reading, clock.now());
        if (all.size() >= most) {
            guest* goes = all.yields_to(share, clock.now(), seconds{2});
            ASSERT_NE(goes, &polite);
            if (goes == nullptr) {
                guests.erase(guests.begin() + 1 + static_cast<std::ptrdiff_t>(any(guests.size() - 1)));
                continue;
            }
            std::erase_if(guests, [goes](const auto& each) { return each.get() == goes; });
        }
        enter("g", share, static_cast<standing>(any(6)));
        ASSERT_LE(all.size(), most);
        ASSERT_EQ(all.size(), guests.size());
    }
}

TEST(body_budget, leaves_as_much_to_others_as_one_client_has) {
    body_budget budget(1200, 0);
    body_charge one(budget, "one");
    EXPECT_TRUE(one.take(600));
    EXPECT_FALSE(one.take(1));
    body_charge again(budget, "one");
    EXPECT_FALSE(again.take(1)) << "of one client all requests count together";
    body_charge two(budget, "two");
    EXPECT_TRUE(two.take(300));
    EXPECT_FALSE(two.take(1));
    body_charge three(budget, "three");
    EXPECT_TRUE(three.take(150));
    two.give_back(300);
    EXPECT_TRUE(three.take(75));
    EXPECT_EQ(budget.used(), 825U);
}

TEST(body_budget, finds_a_place_for_the_largest_body_of_who_holds_nothing) {
    body_budget budget(1000, 1000);
    {
        body_charge only(budget, "one");
        EXPECT_TRUE(only.take(1000));
        EXPECT_FALSE(only.take(1));
    }
    EXPECT_EQ(budget.used(), 0U);
    body_charge first(budget, "one");
    body_charge second(budget, "one");
    EXPECT_FALSE(second.take(501));
    EXPECT_TRUE(second.take(500));
}

TEST(body_budget, keeps_its_last_eighth_for_small_requests) {
    body_budget budget(6400, 1600);
    std::list<body_charge> large;
    for (const char* who : {"one", "two", "three"}) {
        EXPECT_TRUE(large.emplace_back(budget, who).take(1600));
    }
    body_charge fourth(budget, "four");
    EXPECT_FALSE(fourth.could_take(1600));
    EXPECT_TRUE(fourth.take(800));
    EXPECT_FALSE(fourth.take(1));
    std::list<body_charge> small;
    for (int i = 0; i < 8; ++i) {
        EXPECT_TRUE(small.emplace_back(budget, "small " + std::to_string(i)).take(100)) << i;
    }
    EXPECT_FALSE(small.back().take(1)) << "it is no small one any more";
    EXPECT_EQ(budget.used(), 6400U);
}

TEST(body_budget, counts_who_found_no_room_because_of_others_only) {
    body_budget budget(1600, 800);
    body_charge one(budget, "one");
    body_charge again(budget, "one");
    EXPECT_TRUE(one.take(800));
    EXPECT_FALSE(again.take(10)) << "it has its half";
    EXPECT_EQ(budget.refused(), 0U);
    body_charge two(budget, "two");
    EXPECT_FALSE(two.could_take(700));
    EXPECT_EQ(budget.refused(), 1U);
    EXPECT_TRUE(two.take(500));
    EXPECT_FALSE(two.take(200));
    EXPECT_EQ(budget.refused(), 2U);
}

TEST(share_of, distant_networks_are_one_client_and_neighbours_are_several) {
    using core::asio::ip::make_address;
    const auto own = make_address("2001:db8:1:1::5");
    EXPECT_EQ(share_of(make_address("192.168.1.7"), {}), "192.168.1.7");
    EXPECT_EQ(share_of(make_address("2001:db8:9:9:a::1"), own), "2001:db8:9:9::/64");
    EXPECT_EQ(share_of(make_address("2001:db8:9:9:b::2"), own), "2001:db8:9:9::/64");
    EXPECT_EQ(share_of(make_address("2001:db8:1:1::6"), own), "2001:db8:1:1::/64#6");
    EXPECT_EQ(share_of(make_address("2001:db8:1:1::7"), own), "2001:db8:1:1::/64#7");
    EXPECT_EQ(share_of(make_address("fe80::1"), own), "fe80::/64#1");
    EXPECT_EQ(share_of(make_address("fe80::2%lo"), own), "fe80::/64#2");
}

TEST(share_of, a_neighbour_that_takes_many_addresses_has_few_shares) {
    using core::asio::ip::make_address_v6;
    const auto own = make_address_v6("2001:db8:1:1::5");
    for (const char* network : {"2001:db8:1:1::", "fe80::"}) {
        auto bytes = make_address_v6(network).to_bytes();
        std::set<std::string> shares;
        for (unsigned each = 0; each < 4096; ++each) {
            bytes[9] = static_cast<unsigned char>(each >> 8U);
            bytes[15] = static_cast<unsigned char>(each);
            shares.insert(share_of(core::asio::ip::address_v6(bytes), own));
        }
        EXPECT_EQ(shares.size(), 64U) << network;
    }
}

TEST(share_of, loopback_is_sixteen_clients_at_most) {
    using core::asio::ip::make_address;
    EXPECT_EQ(share_of(make_address("127.0.0.2"), {}), "127.0.0.2");
    for (const char* one : {"127.0.0.1", "127.255.3.17", "::1", "::ffff:127.0.0.33"}) {
        EXPECT_EQ(share_of(make_address(one), make_address("::1")), "127.0.0.1") << one;
    }
    EXPECT_EQ(share_of(make_address("::ffff:192.168.1.7"), {}), "192.168.1.7");
    EXPECT_EQ(share_of(make_address("::ffff:192.168.1.8"), make_address("::ffff:192.168.1.7")),
              "192.168.1.8");
}

}  // namespace
}  // namespace corral::http
