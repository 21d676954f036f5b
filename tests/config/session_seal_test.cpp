#include "corral/config/session_seal.hpp"

#include <filesystem>
#include <fstream>

#include <gtest/gtest.h>
#include <unistd.h>

namespace corral::config {
namespace {

namespace fs = std::filesystem;

key_ring ring_of(const std::string& text) {
    key_ring_reading read = key_ring::parse(text, "keys");
    EXPECT_TRUE(read.value);
    return read.value.value_or(key_ring{});
}

std::string row(const std::string& name, char digit) {
    return name + " " + std::string(64, digit) + " observe\n";
}

class session : public ::testing::Test {
protected:
    session_seal::secret secret{1, 2, 3};
    session_seal seal{secret};
    key_ring keys = ring_of(row("anna", 'a') + row("ben", 'b'));
    std::string shown = seal.open_for(keys.all().front(), 1000);
};

TEST_F(session, is_that_of_its_key_until_its_time_is_over) {
    const key_entry* const found = seal.find(keys, shown, 1000);
    ASSERT_NE(found, nullptr);
    EXPECT_EQ(found->name, "anna");
    EXPECT_NE(seal.find(keys, shown, 1000 + session_seal::life - 1), nullptr);
    EXPECT_EQ(seal.find(keys, shown, 1000 + session_seal::life), nullptr);
}

TEST_F(session, of_a_clock_that_was_ahead_ends_when_it_is_right_again) {
    constexpr std::int64_t year = 12 * session_seal::life;
    EXPECT_EQ(seal.find(keys, seal.open_for(keys.all().front(), year), 1000), nullptr);
    EXPECT_NE(seal.find(keys, seal.open_for(keys.all().front(), session_seal::life), 1000), nullptr)
        << "set back";
}

TEST_F(session, ends_with_its_key_and_with_another_of_that_name) {
    EXPECT_EQ(seal.find(ring_of(row("ben", 'b')), shown, 1000), nullptr);
    EXPECT_EQ(seal.find(ring_of(row("anna", 'c')), shown, 1000), nullptr);
}

TEST_F(session, can_be_neither_changed_nor_guessed) {
    for (std::size_t i = 0; i < shown.size(); ++i) {
        std::string changed = shown;
        changed[i] = changed[i] == '1' ? '2' : '1';
        EXPECT_EQ(seal.find(keys, changed, 1000), nullptr) << changed;
    }
    for (const char* other : {"", "~", "~~", "anna~9999999999~", "anna~9999999999~00", "~~~~"}) {
        EXPECT_EQ(seal.find(keys, other, 1000), nullptr) << other;
    }
    session_seal::secret another{3, 2, 1};
    EXPECT_EQ(session_seal(another).find(keys, shown, 1000), nullptr);
}

TEST_F(session, is_over_after_a_log_out_and_others_go_on) {
    const std::string other = seal.open_for(keys.all().back(), 1000);
    seal.end(&keys, shown, 1000);
    EXPECT_EQ(seal.find(keys, shown, 1000), nullptr);
    EXPECT_NE(seal.find(keys, other, 1000), nullptr);
    for (int stranger = 0; stranger < 2000; ++stranger) {
        seal.end(&keys, "anna~9999999999~" + std::string(64, 'a'), 1000);
        seal.end(nullptr, "@1000~9999999999~" + std::string(64, 'b'), 1000);
    }
    seal.end(&keys, "nonsense", 1000);
    EXPECT_EQ(seal.find(keys, shown, 1000), nullptr) << "inventions push nothing out";
}

TEST_F(session, of_a_user_of_this_machine_is_of_no_other_and_of_no_key) {
    const std::string mine = seal.open_for_user(1000, 1000);
    EXPECT_TRUE(seal.is_of_user(1000, mine, 1000));
    EXPECT_FALSE(seal.is_of_user(1001, mine, 1000));
    EXPECT_FALSE(seal.is_of_user(1000, mine, 1000 + session_seal::life));
    EXPECT_FALSE(seal.is_of_user(1000, shown, 1000));
    EXPECT_FALSE(seal.is_of_user(1000, "", 1000));
    EXPECT_EQ(seal.find(keys, mine, 1000), nullptr);
    seal.end(nullptr, mine, 1000);
    EXPECT_FALSE(seal.is_of_user(1000, mine, 1000));
}

TEST_F(session, is_opened_by_a_ticket_once_and_in_time) {
    const core::steady_time now{core::seconds{1000}};
    const auto ticket = seal.make_ticket(now);
    ASSERT_TRUE(ticket);
    EXPECT_EQ(ticket->size(), 64U);
    EXPECT_FALSE(seal.take_ticket("", now));
    EXPECT_FALSE(seal.take_ticket(std::string(64, '0'), now));
    EXPECT_TRUE(seal.take_ticket(*ticket, now));
    EXPECT_FALSE(seal.take_ticket(*ticket, now)) << "once";
    const auto late = seal.make_ticket(now);
    EXPECT_FALSE(seal.take_ticket(*late, now + session_seal::ticket_life));
    const auto first = seal.make_ticket(now);
    for (int i = 0; i < 8; ++i) {
        ASSERT_TRUE(seal.make_ticket(now));
    }
    EXPECT_FALSE(seal.take_ticket(*first, now)) << "bounded";
}

TEST(session_secret, outlives_a_restart_and_is_its_owners_alone) {
    std::string name = (fs::temp_directory_path() / "corral-seal-XXXXXX").string();
    const fs::path folder = ::mkdtemp(name.data());
    const key_ring keys = ring_of(row("anna", 'a'));
    const auto first = session_seal::load(folder);
    ASSERT_TRUE(first);
    const auto second = session_seal::load(folder);
    ASSERT_TRUE(second);
    EXPECT_NE(second->find(keys, first->open_for(keys.all().front(), 5), 5), nullptr);
    const auto mode = fs::status(folder / "sessions.secret").permissions();
    EXPECT_EQ(mode, fs::perms::owner_read | fs::perms::owner_write);
    std::ofstream(folder / "sessions.secret") << "spoilt";
    const auto third = session_seal::load(folder);
    ASSERT_TRUE(third);
    EXPECT_EQ(third->find(keys, first->open_for(keys.all().front(), 5), 5), nullptr);
    const auto nowhere = session_seal::load("");
    ASSERT_TRUE(nowhere);
    fs::remove_all(folder);
}

}  // namespace
}  // namespace corral::config
