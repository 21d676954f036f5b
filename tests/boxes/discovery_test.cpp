#include "corral/boxes/discovery.hpp"

#include <chrono>

#include <gtest/gtest.h>

namespace corral::boxes {
namespace {

using std::chrono_literals::operator""s;
using bytes = std::vector<std::uint8_t>;

struct record {
    unsigned priority;
    unsigned weight;
    unsigned port;
    std::string target;
};

void add_word(bytes& to, unsigned value) {
    to.push_back(static_cast<std::uint8_t>(value >> 8U));
    to.push_back(static_cast<std::uint8_t>(value & 0xFFU));
}

void add_name(bytes& to, std::string name) {
    while (!name.empty()) {
        const std::size_t dot = std::min(name.find('.'), name.size());
        to.push_back(static_cast<std::uint8_t>(dot));
        to.insert(to.end(), name.begin(), name.begin() + static_cast<std::ptrdiff_t>(dot));
        name.erase(0, std::min(dot + 1, name.size()));
    }
    to.push_back(0);
}

void add_record(bytes& to, unsigned type, const bytes& data) {
    add_word(to, type);
    add_word(to, 1);
    to.insert(to.end(), {0, 0, 0, 60});
    add_word(to, static_cast<unsigned>(data.size()));
    to.insert(to.end(), data.begin(), data.end());
}

// As a server sends it (RFC 1035, RFC 2782); `addresses`: of IPv4.
bytes answer(const std::vector<record>& records,
             const std::vector<std::pair<std::string, bytes>>& addresses = {}, unsigned flags = 0x8180) {
    bytes out;
    for (const unsigned word : {0x1234U, flags, 1U, static_cast<unsigned>(records.size()), 0U,
                                static_cast<unsigned>(addresses.size())}) {
        add_word(out, word);
    }
    add_name(out, "_corral._tcp.example.net");
    add_word(out, 33);
    add_word(out, 1);
    for (const record& one : records) {
        bytes data;
        for (const unsigned word : {one.priority, one.weight, one.port}) {
            add_word(data, word);
        }
        add_name(data, one.target);
        add_word(out, 0xC00C);
        add_record(out, 33, data);
    }
    for (const auto& [name, address] : addresses) {
        add_name(out, name);
        add_record(out, address.size() == 4 ? 1 : 28, address);
    }
    return out;
}

found_hosts found(const std::vector<record>& records) {
    const auto out = read_srv_answer(answer(records));
    EXPECT_TRUE(out) << out.error().message;
    return out ? *out : found_hosts();
}

box_entry listed(const std::string& name, const std::string& host) {
    box_entry out;
    out.name = name;
    out.address.host = host;
    out.address.port = 11434;
    return out;
}

TEST(discovery, records_are_told_in_one_order_with_the_address_that_came_along) {
    const auto got =
        read_srv_answer(answer({{10, 1, 11434, "Two.example.net"}, {0, 5, 8000, "one.example.net"}},
                               {{"two.example.net", {10, 0, 0, 2}}, {"two.example.net", {10, 0, 0, 1}}}));
    ASSERT_TRUE(got);
    EXPECT_EQ(*got, (found_hosts{{"one.example.net", "", 8000, 0, 5},
                                 {"two.example.net", "10.0.0.1", 11434, 10, 1}}));
}

TEST(discovery, a_record_that_names_no_box_is_left_out) {
    EXPECT_TRUE(found({{0, 0, 11434, ""}}).empty()) << "the service is not there (RFC 2782)";
    EXPECT_TRUE(found({{0, 0, 0, "one.example.net"}}).empty());
    EXPECT_TRUE(found({{0, 0, 11434, "one\n server evil"}}).empty());
    EXPECT_TRUE(found({{0, 0, 11434, "one;two"}}).empty());
    EXPECT_EQ(found({{0, 0, 11434, "one"}, {5, 0, 11434, "ONE"}}).size(), 1U);
}

TEST(discovery, no_such_name_is_no_box_and_a_refusal_is_none_of_both) {
    const auto none = read_srv_answer(answer({}, {}, 0x8183));
    ASSERT_TRUE(none);
    EXPECT_TRUE(none->empty());
    for (const unsigned flags : {0x8182U, 0x8185U, 0x8380U, 0x0100U}) {
        const auto refused = read_srv_answer(answer({{0, 0, 11434, "one"}}, {}, flags));
        ASSERT_FALSE(refused) << flags;
        EXPECT_NE(refused.error().message.find("DNS server"), std::string::npos);
    }
}

TEST(discovery, a_broken_answer_is_a_failure_wherever_it_ends) {
    const bytes whole = answer({{0, 0, 11434, "one.example.net"}}, {{"one.example.net", {10, 0, 0, 1}}});
    ASSERT_TRUE(read_srv_answer(whole));
    for (std::size_t size = 0; size < whole.size(); ++size) {
        EXPECT_FALSE(read_srv_answer(std::span(whole).first(size))) << size;
    }
}

TEST(discovery, found_boxes_are_as_the_settings_say_and_named_by_their_hosts) {
    discovery how;
    how.as.agent_port = 9110;
    how.as.weight = 50;
    const joined_boxes all =
        join_boxes({listed("first", "10.0.0.9")}, how,
                   {{"one.lan", "10.0.0.1", 11434, 0, 1}, {"one.lan", "10.0.0.1", 11435, 0, 1}});
    ASSERT_EQ(all.boxes.size(), 3U);
    EXPECT_TRUE(all.remarks.empty());
    EXPECT_EQ(all.boxes[0].name, "first");
    EXPECT_EQ(all.boxes[1].name, "one.lan");
    EXPECT_EQ(all.boxes[2].name, "one.lan-11435");
    EXPECT_EQ(all.boxes[1].address.host, "10.0.0.1");
    EXPECT_EQ(all.boxes[1].agent_port, 9110);
    EXPECT_EQ(all.boxes[1].weight, 50U) << "equal weights say nothing";
    EXPECT_FALSE(all.boxes[1].reserve);
}

TEST(discovery, with_tls_the_name_stays_for_the_certificate) {
    discovery how;
    how.as.address.tls = true;
    const joined_boxes all = join_boxes({}, how, {{"one.lan", "10.0.0.1", 11434, 0, 1}});
    ASSERT_EQ(all.boxes.size(), 1U);
    EXPECT_EQ(all.boxes[0].address.host, "one.lan");
    EXPECT_TRUE(all.boxes[0].address.tls);
}

TEST(discovery, a_listed_box_is_not_found_once_more) {
    const std::vector<box_entry> list{listed("one.lan", "10.0.0.1"), listed("two", "TWO.lan")};
    const joined_boxes all = join_boxes(list, {},
                                        {{"one.lan", "10.0.0.7", 11434, 0, 1},
                                         {"other.lan", "10.0.0.1", 11434, 0, 1},
                                         {"two.lan", "10.0.0.2", 11434, 0, 1},
                                         {"three.lan", "10.0.0.3", 11434, 0, 1}});
    ASSERT_EQ(all.boxes.size(), 3U);
    EXPECT_EQ(all.boxes[2].name, "three.lan");
}

TEST(discovery, two_names_of_one_address_are_one_box) {
    const joined_boxes all = join_boxes({}, {},
                                        {{"a.lan", "10.0.0.1", 11434, 0, 1},
                                         {"b.lan", "10.0.0.1", 11434, 0, 1},
                                         {"b.lan", "10.0.0.1", 11435, 0, 1}});
    ASSERT_EQ(all.boxes.size(), 2U);
    EXPECT_EQ(all.boxes[0].name, "a.lan");
    EXPECT_EQ(all.boxes[1].name, "b.lan-11435");
}

TEST(discovery, weights_that_differ_count_and_later_priorities_are_a_reserve) {
    const joined_boxes all =
        join_boxes({}, {}, {{"a", "", 11434, 1, 0}, {"b", "", 11434, 1, 40'000}, {"c", "", 11434, 2, 30}});
    ASSERT_EQ(all.boxes.size(), 3U);
    EXPECT_EQ(all.boxes[0].weight, 1U);
    EXPECT_EQ(all.boxes[1].weight, 256U);
    EXPECT_EQ(all.boxes[2].weight, 30U);
    EXPECT_FALSE(all.boxes[1].reserve);
    EXPECT_TRUE(all.boxes[2].reserve);
    EXPECT_TRUE(is_reserve(all.boxes[2], {}));
}

TEST(discovery, a_name_too_long_for_haproxy_is_told) {
    const joined_boxes all = join_boxes({}, {}, {{std::string(65, 'a'), "", 11434, 0, 0}});
    EXPECT_TRUE(all.boxes.empty());
    ASSERT_EQ(all.remarks.size(), 1U);
    EXPECT_NE(all.remarks[0].find("[[box]]"), std::string::npos);
}

TEST(discovery, what_was_found_outlives_failures_and_short_emptiness) {
    const core::steady_time begin{};
    const found_hosts one{{"one", "", 11434, 0, 0}};
    found_memory memory(60s);
    const auto failed = core::make_failure(core::errc::unavailable, "no answer");
    memory.take(failed, begin);
    EXPECT_FALSE(memory.now()) << "nothing is known yet";
    memory.take(found_hosts(), begin);
    EXPECT_FALSE(memory.now()) << "an empty answer may be a mistake";
    memory.take(one, begin + 10s);
    EXPECT_EQ(memory.now(), one);
    memory.take(failed, begin + 500s);
    memory.take(found_hosts(), begin + 500s);
    memory.take(found_hosts(), begin + 559s);
    EXPECT_EQ(memory.now(), one);
    memory.take(one, begin + 559s);
    memory.take(found_hosts(), begin + 570s);
    memory.take(failed, begin + 640s);
    EXPECT_EQ(memory.now(), one);
    memory.take(found_hosts(), begin + 641s);
    EXPECT_EQ(memory.now(), found_hosts());
    memory.take(one, begin + 650s);
    EXPECT_EQ(memory.now(), one);
}

TEST(discovery, a_host_that_mdns_does_not_hear_for_a_moment_stays) {
    const core::steady_time begin{};
    const found_host one{"one.local", "10.0.0.1", 11434, 0, 0};
    const found_host two{"two.local", "10.0.0.2", 11434, 0, 0};
    found_memory memory(60s, true);
    memory.take(found_hosts{one, two}, begin);
    memory.take(found_hosts{one}, begin + 59s);
    EXPECT_EQ(memory.now(), (found_hosts{one, two}));
    memory.take(found_hosts{one}, begin + 60s);
    EXPECT_EQ(memory.now(), found_hosts{one});
    memory.take(found_hosts(), begin + 119s);
    EXPECT_EQ(memory.now(), found_hosts{one});
    memory.take(found_hosts(), begin + 120s);
    EXPECT_EQ(memory.now(), found_hosts());
}

TEST(discovery, avahi_tells_each_host_once_with_an_address_that_is_reached) {
    const std::string said =
        "+;eth0;IPv4;Corral\\032on\\032one;_corral._tcp;local\n"
        "=;eth0;IPv6;Corral\\032on\\032one;_corral._tcp;local;One.local;fd00::21;11434;\n"
        "=;eth0;IPv4;Corral\\032on\\032one;_corral._tcp;local;One.local;192.0.2.21;11434;\"a;b\"\n"
        "=;wlan0;IPv4;Corral\\032on\\032one;_corral._tcp;local;One.local;192.0.2.20;11434;\n"
        "=;eth0;IPv6;x;_corral._tcp;local;two.local;fe80::1;11434;\n"
        "=;eth0;IPv6;x;_corral._tcp;local;three.local;fd00::23;8000;\n";
    EXPECT_EQ(read_avahi_answer(said), (found_hosts{{"one.local", "192.0.2.20", 11434, 0, 0},
                                                    {"three.local", "fd00::23", 8000, 0, 0}}));
}

// As Avahi 0.8 now and then says it of a box that publishes both kinds of addresses over both.
TEST(discovery, an_address_of_the_link_is_none_whatever_the_line_says) {
    EXPECT_TRUE(
        read_avahi_answer("=;edge0;IPv6;x;_corral._tcp;local;one.local;fe80::4432:20ff:fe67:793;11434;\n"
                          "=;edge0;IPv4;x;_corral._tcp;local;one.local;fe80::4432:20ff:fe67:793;11434;\n")
            .empty());
}

TEST(discovery, what_avahi_would_not_say_is_left_out) {
    for (const std::string line :
         {"", "=", "=;;;;;;;;", "=;eth0;IPv4;x;t;local;one local;192.0.2.21;11434;",
          "=;e;IPv4;x;t;local;one;here;11434;", "=;e;IPv4;x;t;local;one;192.0.2.21;0;",
          "=;e;IPv4;x;t;local;one;192.0.2.21;70000;", "=;e;IPv4;x;t;local;one;192.0.2.21;11434x;",
          "=;e;IPv4;x;t;local;one;127.0.0.1;11434;", "=;e;IPv4;x;t;local;one;0.0.0.0;11434;",
          "=;e;IPv4;x;t;local;-x;192.0.2.21;11434;"}) {
        EXPECT_TRUE(read_avahi_answer(line).empty()) << line;
    }
}

}  // namespace
}  // namespace corral::boxes
