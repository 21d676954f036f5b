// The written configuration as a whole is in haproxy_golden.cfg, which an end-to-end test gives to HAProxy.

#include "corral/boxes/haproxy.hpp"

#include <cstdlib>
#include <fstream>
#include <iterator>

#include <gtest/gtest.h>

namespace corral::boxes {
namespace {

const std::string folder = CORRAL_SOURCE_DIR "/tests/boxes/";

std::string text_of(const std::string& file) {
    std::ifstream in(file);
    return {std::istreambuf_iterator<char>(in), {}};
}

std::string rendered(const std::string& list, const std::vector<edge_key>& keys = {}) {
    const auto read = parse_boxes(list, "boxes.toml", "/etc/corral");
    EXPECT_TRUE(read.value) << catalog::to_text(read.errors.front());
    const auto text = render_haproxy(*read.value, keys);
    EXPECT_TRUE(text) << text.error().message;
    return text ? *text : std::string();
}

std::size_t count(const std::string& in, const std::string& what) {
    std::size_t found = 0;
    for (std::size_t at = in.find(what); at != std::string::npos; at = in.find(what, at + 1)) {
        ++found;
    }
    return found;
}

// The lines of one section, from its name to the next empty line.
std::string section(const std::string& text, const std::string& name) {
    const std::size_t begin = text.find("\n" + name + "\n");
    EXPECT_NE(begin, std::string::npos) << name;
    return begin == std::string::npos ? "" : text.substr(begin, text.find("\n\n", begin) - begin);
}

constexpr const char* two_boxes = R"([[box]]
name = "one"
address = "10.0.0.1:11434"
agent = 9110
models = ["qwen3:4b", "tiny"]

[[box]]
name = "two"
address = "10.0.0.2:11434"
models = ["qwen3:4b"]
)";

TEST(haproxy, the_text_is_as_in_the_golden_file) {
    const std::string list = text_of(folder + "haproxy_golden.toml");
    const std::string text = rendered(list, {{"anna", std::string(64, 'a')}, {"bob", std::string(64, 'b')}});
    // CORRAL_GOLDEN=write, after a change that was meant; the difference is then read in the commit.
    if (const char* const wish = std::getenv("CORRAL_GOLDEN"); wish != nullptr) {
        std::ofstream(folder + "haproxy_golden.cfg") << text;
    }
    EXPECT_EQ(text, text_of(folder + "haproxy_golden.cfg"));
}

TEST(haproxy, each_model_has_a_backend_of_the_boxes_that_serve_it) {
    const std::string text = rendered(two_boxes);
    const std::string both = section(text, "backend model_qwen3:4b");
    EXPECT_NE(both.find("server one 10.0.0.1:11434"), std::string::npos);
    EXPECT_NE(both.find("server two 10.0.0.2:11434"), std::string::npos);
    EXPECT_NE(both.find("agent-port 9110 agent-inter 1s agent-send \"qwen3:4b steady\\n\""),
              std::string::npos);
    EXPECT_EQ(count(both, "agent-check"), 1U) << "a box without an agent is asked for none";
    const std::string one = section(text, "backend model_tiny:latest");
    EXPECT_NE(one.find("server one "), std::string::npos);
    EXPECT_EQ(one.find("server two "), std::string::npos);
    EXPECT_NE(
        text.find("set-var(txn.route) str(model_tiny:latest) if { var(txn.model) -m str tiny:latest }\n"),
        std::string::npos);
    const std::string unread = section(text, "backend unread");
    EXPECT_NE(unread.find("server one "), std::string::npos);
    EXPECT_EQ(unread.find("server two "), std::string::npos) << "it has fewer models";
}

TEST(haproxy, boxes_of_one_name_are_servers_that_dns_fills) {
    const std::string text = rendered(R"([[box]]
name = "srv"
address = "_corral._tcp.example.net"
count = 8
agent = 9110
models = ["m"]
)");
    EXPECT_EQ(
        count(text,
              "server-template srv 1-8 _corral._tcp.example.net weight 100 resolvers dns init-addr none"),
        3U);
    EXPECT_NE(text.find("resolvers dns\n    parse-resolv-conf\n"), std::string::npos);
    EXPECT_NE(section(text, "backend model_m:latest").find("observe layer4"), std::string::npos)
        << "there are others";
    EXPECT_EQ(text.find("track"), std::string::npos);
}

TEST(haproxy, who_runs_haproxy_is_up_to_the_list) {
    const std::string own = rendered(two_boxes);
    EXPECT_NE(own.find("    user haproxy\n    group haproxy\n    chroot '/var/lib/haproxy'\n"),
              std::string::npos);
    EXPECT_NE(own.find(" mode 600 user haproxy level admin"), std::string::npos);
    const std::string mine = rendered(
        std::string("[edge]\nuser = \"\"\ngroup = \"\"\nchroot = \"\"\nsocket = \"own.sock\"\n") + two_boxes);
    for (const char* const word : {"    user ", "    group ", "    chroot ", " user haproxy"}) {
        EXPECT_EQ(mine.find(word), std::string::npos) << word;
    }
    EXPECT_NE(mine.find("stats socket '/etc/corral/own.sock' mode 600 level admin"), std::string::npos);
}

TEST(haproxy, without_affinity_the_least_load_and_the_weights_of_agents_count) {
    const std::string text = rendered(std::string("[edge]\naffinity = false\n") + two_boxes);
    EXPECT_EQ(text.find("balance hash"), std::string::npos);
    EXPECT_EQ(text.find("steady"), std::string::npos);
    EXPECT_EQ(text.find("txn.conversation"), std::string::npos);
    EXPECT_NE(section(text, "backend model_qwen3:4b").find("balance leastconn"), std::string::npos);
}

TEST(haproxy, boxes_of_another_zone_are_a_reserve) {
    const std::string text = rendered(R"([edge]
zone = "north"
[[box]]
name = "near"
address = "a.example:1"
zone = "north"
models = ["m"]
[[box]]
name = "far"
address = "b.example:1"
zone = "south"
models = ["m"]
)");
    for (const char* const name : {"backend boxes", "backend unread", "backend model_m:latest"}) {
        const std::string lines = section(text, name);
        const std::size_t far = lines.find("server far");
        EXPECT_EQ(count(lines, " backup"), 1U) << name;
        EXPECT_GT(lines.find(" backup", far), far) << name;
    }
    EXPECT_EQ(count(text, "resolvers dns init-addr"), 6U) << "names of hosts are looked up again";
}

TEST(haproxy, keys_of_clients_end_at_the_edge_that_checks_them) {
    const std::string list =
        std::string("[edge]\nkeys = \"keys\"\nkey_variable = \"EDGE_KEY\"\n") + two_boxes;
    const std::string text = rendered(list, {{"anna", std::string(64, 'a')}});
    EXPECT_NE(text.find(std::string(64, 'a') + "  # anna"), std::string::npos);
    EXPECT_NE(text.find("del-header Authorization"), std::string::npos);
    EXPECT_NE(text.find("set-header Authorization \"Bearer ${EDGE_KEY}\""), std::string::npos);
    EXPECT_EQ(rendered(two_boxes).find("del-header Authorization"), std::string::npos);
    EXPECT_NE(rendered(list).find("acl known_key always_false"), std::string::npos)
        << "no key lets in nobody";
}

TEST(haproxy, a_box_without_a_list_of_models_is_named) {
    const auto read = parse_boxes("[[box]]\nname=\"one\"\naddress=\"a:1\"\n", "boxes.toml", "/");
    const auto text = render_haproxy(*read.value, {});
    ASSERT_FALSE(text);
    EXPECT_NE(text.error().message.text().find("box 'one' has no list of models"), std::string::npos);
}

TEST(haproxy, names_of_backends_are_plain_and_differ) {
    EXPECT_EQ(backend_names({"a.b:c", "a/b:c", "hf.co:5000/x/y:z"}),
              (std::vector<std::string>{"model_a.b:c", "model_a.b:c_2", "model_hf.co:5000.x.y:z"}));
}

TEST(haproxy, agents_of_a_large_fleet_are_asked_less_often) {
    std::string list;
    for (unsigned i = 0; i < 1500; ++i) {
        const std::string name = std::to_string(i);
        list += "[[box]]\nname=\"b" + name + "\"\naddress=\"10.0." + std::to_string(i / 250) + "." +
                std::to_string(i % 250) + ":1\"\nagent=1\nmodels=[\"m\", \"n\"]\n";
    }
    const std::string text = rendered(list);
    EXPECT_NE(section(text, "backend model_m:latest").find("agent-inter 3s"), std::string::npos);
    EXPECT_NE(section(text, "backend boxes").find("check inter 2s"), std::string::npos);
}

TEST(reload_pace, a_burst_is_allowed_and_restless_boxes_are_followed_slowly) {
    reload_pace pace;
    core::steady_time now{};
    std::size_t reloads = 0;
    for (unsigned second = 0; second < 3600; ++second, now += core::seconds(1)) {
        if (pace.may_reload(now)) {
            pace.note(now);
            ++reloads;
        }
        if (second == reload_pace::most - 1) {
            EXPECT_EQ(reloads, reload_pace::most) << "the first ones come at once";
        }
    }
    EXPECT_EQ(reloads, reload_pace::most * 3600 / reload_pace::span.count());
}

}  // namespace
}  // namespace corral::boxes
