// What one image leaves to the next is read back as it was written, and nothing else is.

#include "corral/upgrade/upgrade_document.hpp"

#include <random>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>
#include <nlohmann/json.hpp>

namespace corral::upgrade {
namespace {

using nlohmann::json;

handover example() {
    handover out;
    out.guard = {11, 4000, "1.2.3.4.nonce", {4001, 4002}};
    out.descriptor_limit = 1024;
    out.listeners = {12};
    out.connections = {{13, {}}, {14, {}}};
    out.connections[1].announced.emplace(boost::asio::ip::make_address("2001:db8::7"), 5000);
    out.state_lock = 18;
    out.drained = true;
    out.paused = core::steady_time(core::seconds(77));
    model_handover model;
    model.name = "sim:latest";
    model.stay = core::seconds(300);
    engine::backend_handover running;
    running.fingerprint = "12345";
    running.ports = {{"tokenizer", 8001}, {"runtime", 8000}};
    running.tap = 15;
    running.state = {{"prompt_uid", "u-1"}, {"tap_in_use", "1"}};
    supervisor::service_handover service;
    service.name = "runtime";
    service.process = {4001, 16, -1, true};
    service.port = 8000;
    service.followed = true;
    service.unreached = true;
    service.unguarded = "the guard had no effect on it";
    service.starts = 3;
    service.ready_since = core::steady_time(core::nanoseconds(123456789));
    service.lines = {"one", "two \xE2\x82\xAC", ""};
    running.services.services.push_back(service);
    model.running = running;
    model_handover other;
    other.name = "other:latest";
    other.wanted = false;
    other.suspended = true;
    out.models = {model, other};
    out.loans = {{17, {"other:latest"}, core::steady_time(core::seconds(86400))}};
    out.cards = "0=7022";
    out.speeds = "days";
    return out;
}

TEST(upgrade_document, says_the_same_after_a_round_trip) {
    const std::string text = encode(example());
    const auto read = decode(text);
    ASSERT_TRUE(read) << read.error().message;
    EXPECT_EQ(encode(*read), text);
    EXPECT_EQ(read->state_lock, 18);
    EXPECT_EQ(read->guard.groups, (std::set<pid_t>{4001, 4002}));
    EXPECT_EQ(read->models[0].running->services.services[0].process.out, 16);
    EXPECT_EQ(read->models[0].running->services.services[0].lines[1], "two \xE2\x82\xAC");
    EXPECT_EQ(read->models[0].stay, core::seconds(300));
    EXPECT_FALSE(read->models[1].wanted);
    EXPECT_TRUE(read->models[1].suspended);
    EXPECT_FALSE(read->models[0].suspended);
    EXPECT_EQ(read->models[1].stay, core::nanoseconds::max());
    EXPECT_FALSE(read->models[1].running);
    EXPECT_EQ(read->loans[0].models, (std::set<std::string>{"other:latest"}));
    EXPECT_EQ(read->loans[0].until, core::steady_time(core::seconds(86400)));
}

TEST(upgrade_document, a_connection_keeps_the_client_that_its_proxy_named) {
    const json tree = json::parse(encode(example()));
    const auto read = decode(tree.dump());
    ASSERT_TRUE(read) << read.error().message;
    EXPECT_EQ(read->connections[1].socket, 14);
    EXPECT_EQ(read->connections[1].announced, example().connections[1].announced);
    EXPECT_FALSE(read->connections[0].announced);
    json before = tree;  // of an image that knew no proxies
    before.erase("announced");
    ASSERT_TRUE(decode(before.dump()));
    EXPECT_FALSE(decode(before.dump())->connections[1].announced);
    for (const auto& [key, value] : std::vector<std::pair<std::string, json>>{{"connection", 2},
                                                                              {"connection", -1},
                                                                              {"address", "nobody"},
                                                                              {"port", 65536},
                                                                              {"port", nullptr}}) {
        json broken = tree;
        broken["announced"][0][key] = value;
        EXPECT_FALSE(decode(broken.dump())) << key << " " << value;
    }
}

// An image of before knew no drain.
TEST(upgrade_document, a_box_is_drained_where_it_says_so) {
    json tree = json::parse(encode(example()));
    EXPECT_TRUE(decode(tree.dump())->drained);
    tree.erase("drained");
    ASSERT_TRUE(decode(tree.dump()));
    EXPECT_FALSE(decode(tree.dump())->drained);
    tree["drained"] = 1;
    EXPECT_FALSE(decode(tree.dump()));
}

// Nor a lock.
TEST(upgrade_document, a_state_directory_may_come_without_its_lock) {
    json tree = json::parse(encode(example()));
    tree.erase("state_lock");
    ASSERT_TRUE(decode(tree.dump()));
    EXPECT_EQ(decode(tree.dump())->state_lock, -1);
    tree["state_lock"] = -1;
    EXPECT_TRUE(decode(tree.dump()));
}

TEST(upgrade_document, speeds_are_left_out_rather_than_refused) {
    json tree = json::parse(encode(example()));
    tree.erase("speeds");
    ASSERT_TRUE(decode(tree.dump()));
    EXPECT_EQ(decode(tree.dump())->speeds, "");
    handover long_years = example();
    long_years.speeds.assign(200'000, 's');
    ASSERT_TRUE(decode(encode(long_years)));
    EXPECT_EQ(decode(encode(long_years))->speeds, long_years.speeds);
    long_years.speeds.assign(600 * 1024, 's');
    ASSERT_TRUE(decode(encode(long_years)));
    EXPECT_EQ(decode(encode(long_years))->speeds, "");
}

TEST(upgrade_document, bytes_that_are_no_utf8_do_not_stop_it) {
    handover odd = example();
    odd.models[0].running->services.services[0].lines = {"\xff\xfe"};
    EXPECT_TRUE(decode(encode(odd)));
}

TEST(upgrade_document, names_every_descriptor_once) {
    EXPECT_EQ(descriptors_of(example()), (std::vector<int>{12, 11, 13, 14, 17, 18, 15, 16}));
}

// Each member of each object, in turn taken away and replaced by what does not belong there.
void spoil(const json& good, const json::json_pointer& at, const json& whole,
           std::vector<std::pair<std::string, json>>& out) {
    for (const auto& [name, value] : good.items()) {
        const json::json_pointer here = good.is_array() ? at / std::stoul(name) : at / name;
        if (here.to_string().find("/state/") != std::string::npos ||
            here.to_string().find("/ports/") != std::string::npos) {
            continue;
        }
        for (const json& bad : {json(), json(-7), json(1e300), json(true), json("text"),
                                json::array({json()}), json(18446744073709551615ULL), json{{"a", 1}}}) {
            const bool same_kind =
                bad.type() == value.type() || (value.is_number_integer() && bad.is_number_integer() &&
                                               bad != -7 && bad != 18446744073709551615ULL);
            if (same_kind && !value.is_number() && !value.is_array()) {
                continue;
            }
            json spoilt = whole;
            spoilt[here] = bad;
            out.emplace_back(here.to_string() + " = " + bad.dump(), std::move(spoilt));
        }
        if (good.is_object() && name != "running" && name != "drained" && name != "announced" &&
            name != "loans" && name != "until" && name != "speeds" && name != "cards" &&
            name != "unreached" && name != "state_lock") {
            json without = whole;
            json& parent = at.empty() ? without : without[at];
            parent.erase(name);
            out.emplace_back(here.to_string() + " away", std::move(without));
        }
        if (value.is_structured()) {
            spoil(value, here, whole, out);
        }
    }
}

TEST(upgrade_document, anything_else_is_refused) {
    const json good = json::parse(encode(example()));
    std::vector<std::pair<std::string, json>> all;
    spoil(good, json::json_pointer(), good, all);
    EXPECT_GT(all.size(), 200U);
    for (const auto& [what, spoilt] : all) {
        EXPECT_FALSE(decode(spoilt.dump())) << what;
    }
}

TEST(upgrade_document, a_standard_stream_is_no_descriptor_of_a_service) {
    const json good = json::parse(encode(example()));
    for (const char* at : {"/models/0/running/services/0/out", "/models/0/running/services/0/err",
                           "/models/0/running/tap", "/listeners/0", "/guard/pipe"}) {
        const json::json_pointer here(at);
        ASSERT_TRUE(good.contains(here)) << at;
        for (const int stream : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
            json spoilt = good;
            spoilt[here] = stream;
            EXPECT_FALSE(decode(spoilt.dump())) << at << " = " << stream;
        }
    }
}

TEST(upgrade_document, hostile_texts_are_refused_and_harmless) {
    const std::string good = encode(example());
    for (std::size_t length = 0; length < good.size(); ++length) {
        ASSERT_FALSE(decode(std::string_view(good).substr(0, length))) << length;
    }
    EXPECT_FALSE(decode(std::string(200'000, '[')));
    EXPECT_FALSE(decode(std::string(longest_handover + 1, ' ')));
    json other = json::parse(good);
    other["version"] = handover_version + 1;
    EXPECT_FALSE(decode(other.dump()));
    std::mt19937_64 random(5);
    for (int round = 0; round < 2000; ++round) {
        std::string noisy = good;
        for (int i = 0; i < 3; ++i) {
            noisy[random() % noisy.size()] = static_cast<char>(random());
        }
        (void)decode(noisy);
    }
}

TEST(upgrade_document, descriptors_must_be_open_and_different) {
    handover small;
    int ends[2];
    ASSERT_EQ(::pipe2(ends, O_CLOEXEC), 0);
    small.guard.pipe = ends[0];
    EXPECT_TRUE(check_descriptors(small));
    small.listeners = {ends[0]};
    EXPECT_FALSE(check_descriptors(small)) << "one for two";
    small.listeners = {ends[1]};
    EXPECT_TRUE(check_descriptors(small));
    ::close(ends[1]);
    EXPECT_FALSE(check_descriptors(small)) << "closed";
    small.listeners = {STDERR_FILENO};
    EXPECT_FALSE(check_descriptors(small));
    ::close(ends[0]);
}

}  // namespace
}  // namespace corral::upgrade
