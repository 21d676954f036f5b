#include "corral/boxes/boxes_file.hpp"

#include <algorithm>
#include <fstream>

#include <gtest/gtest.h>

namespace corral::boxes {
namespace {

boxes_reading read(const std::string& text) {
    return parse_boxes(text, "boxes.toml", "/etc/corral");
}

std::string first_error(const std::string& text) {
    const auto found = read(text);
    EXPECT_FALSE(found.value) << text;
    return found.errors.empty() ? std::string() : catalog::to_text(found.errors.front());
}

constexpr const char* one_box = "[[box]]\nname = \"one\"\naddress = \"10.0.0.1:11434\"\n";

TEST(boxes_file, a_box_needs_its_name_and_its_address) {
    const auto found = read(one_box);
    ASSERT_TRUE(found.value) << catalog::to_text(found.errors.front());
    ASSERT_EQ(found.value->boxes.size(), 1U);
    const box_entry& box = found.value->boxes.front();
    EXPECT_EQ(box.name, "one");
    EXPECT_EQ(box.address.host, "10.0.0.1");
    EXPECT_EQ(box.address.port, 11434);
    EXPECT_FALSE(box.agent_port);
    EXPECT_FALSE(box.models) << "the box is to be asked";
    EXPECT_EQ(box.line, 1U);
    EXPECT_EQ(found.value->edge.listen, "127.0.0.1:8080");
}

TEST(boxes_file, all_keys_are_read) {
    const auto found = read(R"([edge]
listen = "[::]:443"
certificate = "edge.pem"
keys = "/srv/keys"
key_variable = "CORRAL_EDGE_KEY"
zone = "north"
statistics = "localhost:8404"
user = "nobody"
group = ""
chroot = ""
socket = "edge.sock"
log = "log.sock"
resolver = "localhost:8600"
proxy_protocol = true
max_clients = 10
queue = 3
affinity = false
affinity_limit = 200
buffer = "1MiB"
connect_time = "1s"
queue_time = "2s"
silence = "30s"
answer_time = "1h"

[[box]]
name = "Box-1.a_b"
address = "[fd00::1]:443"
tls = true
agent = 9110
models = ["Qwen3:4B", "library/llama3", "qwen3:4b"]
weight = 50
zone = "south"
max_requests = 2
key_file = "one.key"
ca_file = "ca.pem"
client_certificate = "client.pem"
)");
    ASSERT_TRUE(found.value) << catalog::to_text(found.errors.front());
    const edge_settings& edge = found.value->edge;
    EXPECT_EQ(edge.listen, "[::]:443");
    EXPECT_EQ(edge.certificate, "/etc/corral/edge.pem");
    EXPECT_EQ(edge.keys, "/srv/keys");
    EXPECT_EQ(edge.key_variable, "CORRAL_EDGE_KEY");
    EXPECT_EQ(edge.zone, "north");
    EXPECT_EQ(edge.statistics, "127.0.0.1:8404");
    EXPECT_EQ(edge.user, "nobody");
    EXPECT_EQ(edge.group, "");
    EXPECT_EQ(edge.chroot, "");
    EXPECT_EQ(edge.socket, "/etc/corral/edge.sock");
    EXPECT_EQ(edge.log, "/etc/corral/log.sock");
    EXPECT_EQ(edge.resolver, "127.0.0.1:8600");
    EXPECT_TRUE(edge.proxy_protocol);
    EXPECT_FALSE(edge.affinity);
    EXPECT_EQ(edge.max_clients, 10U);
    EXPECT_EQ(edge.queue, 3U);
    EXPECT_EQ(edge.affinity_limit, 200U);
    EXPECT_EQ(edge.buffer, 1024U * 1024U);
    EXPECT_EQ(edge.connect_time, core::seconds(1));
    EXPECT_EQ(edge.queue_time, core::seconds(2));
    EXPECT_EQ(edge.silence, core::seconds(30));
    EXPECT_EQ(edge.answer_time, core::seconds(3600));
    const box_entry& box = found.value->boxes.front();
    EXPECT_EQ(box.address.host_text(), "[fd00::1]");
    EXPECT_TRUE(box.address.tls);
    EXPECT_EQ(box.agent_port, 9110);
    EXPECT_EQ(box.models, (std::vector<std::string>{"llama3:latest", "qwen3:4b"}));
    EXPECT_EQ(box.weight, 50U);
    EXPECT_EQ(box.zone, "south");
    EXPECT_EQ(box.max_requests, 2U);
    EXPECT_EQ(box.key_file, "/etc/corral/one.key");
    EXPECT_EQ(box.ca_file, "/etc/corral/ca.pem");
    EXPECT_EQ(box.client_certificate, "/etc/corral/client.pem");
}

TEST(boxes_file, dns_may_name_the_boxes) {
    const auto found = read(R"([[box]]
name = "srv"
address = "_corral._tcp.example.net"
count = 8
models = ["m"]

[[box]]
name = "host"
address = "boxes.example.net:11434"
count = 4
tls = true
models = ["m"]
)");
    ASSERT_TRUE(found.value) << catalog::to_text(found.errors.front());
    EXPECT_EQ(found.value->boxes[0].address.host, "_corral._tcp.example.net");
    EXPECT_FALSE(found.value->boxes[0].address.port) << "its records have it";
    EXPECT_EQ(found.value->boxes[0].count, 8U);
    EXPECT_EQ(found.value->boxes[1].address.port, 11434);
}

TEST(boxes_file, mistakes_are_named_with_their_place) {
    const std::string box = one_box;
    const std::vector<std::pair<std::string, std::string>> table{
        {"", "there is no box"},
        {"box = 1", "boxes.toml:1:7: 'box' must be"},
        {"[[box]]\nname = \"one\"\n", "boxes.toml:1:1: 'address' is missing"},
        {"[[box]]\naddress = \"a:1\"\n", "'name' is missing"},
        {"[[box]]\nname = \"a b\"\naddress = \"a:1\"\n", "boxes.toml:2:8: 'name' must be 1 to 64 letters"},
        {"[[box]]\nname = \"a\"\naddress = \"a\"\n", "boxes.toml:3:11: 'address' must be HOST:PORT"},
        {"[[box]]\nname = \"a\"\naddress = \"a:1/x\"\n", "'address' must be HOST:PORT"},
        {"[[box]]\nname = \"a\"\naddress = \"a:1\\n server evil\"\n", "'address' must be HOST:PORT"},
        {box + "adress = 1\n", "boxes.toml:4:1: unknown key 'adress'"},
        {box + "weight = 0\n", "'weight' must be between 1 and 256, not 0"},
        {box + "agent = 70000\n", "'agent' must be between 1 and 65535"},
        {box + "models = [\"\"]\n", "'models' must not hold an empty string"},
        {box + "models = [\"a\", \"b c\"]\n", "boxes.toml:4:16: 'b c' is not the name of a model"},
        {box + "zone = \"a\\nb\"\n", "'zone' must be 1 to 64 letters"},
        {box + "ca_file = \"ca.pem\"\n", "'ca_file' needs 'tls = true'"},
        {box + "tls = true\n", "boxes.toml:4:7: 'tls' with an IP address or SRV records needs"},
        {box + "key_file = \"a'b\"\n", "'key_file' must not hold quotes"},
        {box + "key_file = \"a\\nb\"\n", "'key_file' must not hold quotes"},
        {box + "[[box]]\nname = \"ONE\"\naddress = \"a:1\"\n",
         "boxes.toml:5:8: 'one' is the name of the box in line 1 already"},
        {box + "[[box]]\nname = \"two\"\naddress = \"10.0.0.1:11434\"\n",
         "'10.0.0.1:11434' is the address of the box in line 1 already"},
        {"[edge]\nlisten = \"edge:80\"\n" + box, "'listen' must be ADDRESS:PORT"},
        {"[edge]\nlisten = \"1.2.3.4\"\n" + box, "'listen' must be ADDRESS:PORT"},
        {"[edge]\nbuffer = \"1KB\"\n" + box, "'buffer' must be from \"16KiB\" to \"32MiB\""},
        {"[edge]\nkey_variable = \"A B\"\nkeys = \"k\"\n" + box, "'key_variable' must be the name"},
        {"[edge]\nkey_variable = \"KEY\"\n" + box, "'key_variable' needs 'keys'"},
        {"[edge]\nqueue_time = \"9h\"\n" + box, "'queue_time' must be between"},
        {"[edge]\nuser = \"a b\"\n" + box, "'user' must be 1 to 64 letters"},
        {"[edge]\nresolver = \"dns\"\n" + box, "'resolver' must be ADDRESS:PORT"},
        {box + "count = 2\nmodels = [\"m\"]\n", "boxes.toml:4:9: 'count' needs a name of DNS in 'address'"},
        {"[[box]]\nname = \"a\"\naddress = \"b:1\"\ncount = 2\n", "'count' needs 'models'"},
        {"[[box]]\nname = \"a\"\naddress = \"_b._tcp.c\"\n", "'address' must be HOST:PORT"},
        {"[[box]]\nname = \"a\"\naddress = \"_b..c\"\ncount = 2\nmodels = [\"m\"]\n",
         "'address' must be HOST:PORT"},
        {"[[box]]\nname = \"a\"\naddress = \"_b._tcp.c\"\ncount = 2\nmodels = [\"m\"]\ntls = true\n",
         "'tls' with an IP address or SRV records needs 'ca_file'"},
        {"[[box]]\nname = \"a\"\naddress = \"b:1\"\ncount = 2\nmodels = [\"m\"]\n[[box]]\nname = \"a2\"\n"
         "address = \"b:2\"\n",
         "'a2' is the name of the box in line 1 already"},
        {"[edge\n", "boxes.toml:1"},
    };
    for (const auto& [text, wanted] : table) {
        const std::string told = first_error(text);
        EXPECT_NE(told.find(wanted), std::string::npos) << text << "\nsays: " << told;
    }
}

TEST(boxes_file, all_mistakes_of_a_file_are_told_at_once) {
    const auto found = read("[edge]\nqueue = 0\n[[box]]\nname = \"a\"\naddress = \"x\"\nweight = 0\n");
    EXPECT_EQ(found.errors.size(), 3U);
}

TEST(boxes_file, a_list_beyond_the_bound_is_refused) {
    std::string text;
    for (std::size_t i = 0; i <= most_boxes; ++i) {
        const std::string number = std::to_string(i);
        text.append("[[box]]\nname=\"b")
            .append(number)
            .append("\"\naddress=\"h")
            .append(number)
            .append(":1\"\n");
    }
    EXPECT_NE(first_error(text).find("more than 10000 boxes"), std::string::npos);
}

TEST(boxes_file, a_file_that_is_not_there_is_named) {
    const auto found = read_boxes_file("/nonexistent/boxes.toml");
    ASSERT_EQ(found.errors.size(), 1U);
    EXPECT_NE(catalog::to_text(found.errors.front()).find("/nonexistent/boxes.toml"), std::string::npos);
}

}  // namespace
}  // namespace corral::boxes
