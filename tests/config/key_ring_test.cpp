#include "corral/config/key_ring.hpp"

#include <gmock/gmock.h>

#include "corral/catalog/package_survey.hpp"

namespace corral::config {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

std::string line(const std::string& name, const std::string& key) {
    return name + " " + catalog::sha256_hex(key).value();
}

std::vector<std::string> complaints(const std::string& text) {
    std::vector<std::string> out;
    for (const auto& each : key_ring::parse(text, "keys").errors) {
        out.push_back(catalog::to_text(each));
    }
    return out;
}

TEST(key_ring, knows_whose_key_it_is) {
    const auto read = key_ring::parse("# the keys\n\n" + line("anna", "sk-1") + "  # made today\r\n\t" +
                                          line("bot_2.x-y", "sk-2") + "\n" + line("last", "sk-3"),
                                      "keys");
    ASSERT_TRUE(read.value);
    EXPECT_EQ(read.value->find("sk-1")->name, "anna");
    EXPECT_EQ(read.value->find("sk-2")->name, "bot_2.x-y");
    EXPECT_EQ(read.value->find("sk-3")->name, "last");
    for (const char* wrong : {"", "sk-", "sk-11", "SK-1", "anna"}) {
        EXPECT_EQ(read.value->find(wrong), nullptr) << wrong;
    }
    // A digest is no key.
    EXPECT_EQ(read.value->find(catalog::sha256_hex("sk-1").value()), nullptr);
}

TEST(key_ring, of_an_empty_file_lets_nobody_in) {
    for (const char* text : {"", "\n\n", "# none yet"}) {
        const auto read = key_ring::parse(text, "keys");
        ASSERT_TRUE(read.value);
        EXPECT_TRUE(read.value->all().empty());
        EXPECT_EQ(read.value->find(""), nullptr);
    }
}

TEST(key_ring, takes_digests_in_either_case) {
    std::string text = line("a", "k");
    for (char& c : text) {
        c = static_cast<char>(std::toupper(c));
    }
    EXPECT_EQ(key_ring::parse(text, "keys").value->find("k")->name, "A");
}

TEST(key_ring, knows_what_the_holder_may_do) {
    const auto read =
        key_ring::parse(line("old", "sk-1") + "  # before there were scopes\n" + line("all", "sk-2") +
                            " inference,observe,operate\n" + line("few", "sk-3") + " operate # x",
                        "keys");
    ASSERT_TRUE(read.value);
    EXPECT_EQ(read.value->find("sk-1")->scopes, (key_scopes{true, false, false}));
    EXPECT_EQ(read.value->find("sk-2")->scopes, (key_scopes{true, true, true}));
    EXPECT_EQ(read.value->find("sk-3")->scopes, (key_scopes{false, false, true}));
    EXPECT_EQ(read.value->find("sk-4"), nullptr);
    for (const char* wrong : {"", "all", "inference,", "inference operate", "Inference"}) {
        EXPECT_FALSE(parse_scopes(wrong)) << wrong;
    }
    EXPECT_EQ(scopes_text({true, false, true}), "inference,operate");
    EXPECT_EQ(parse_scopes("pull"), (key_scopes{false, false, false, true}));
}

TEST(key_ring, hands_on_no_more_than_it_has) {
    const key_scopes operates{false, false, true};
    EXPECT_TRUE(holds(operates, operates));
    EXPECT_TRUE(holds(operates, {false, false, false, true})) << "whoever operates pulls";
    EXPECT_FALSE(holds({false, false, false, true}, operates));
    EXPECT_FALSE(holds(operates, {true, false, true}));
    EXPECT_FALSE(holds({true, true, false}, {false, false, true}));
    EXPECT_TRUE(holds({true, true, true}, {true, true, true, true}));
}

TEST(key_ring, knows_by_which_key_a_key_was_made) {
    const auto read = key_ring::parse(line("a", "1") + "  # made 2026-02-03 by anna\n" + line("b", "2") +
                                          "  # made 2026-02-03\n" + line("c", "3") + " # by anna\n" +
                                          line("d", "4") + "# made x by an,na\n" + line("-h", "5"),
                                      "keys");
    ASSERT_TRUE(read.value) << "names of before there was a rule for the first letter stay";
    std::vector<std::string> makers;
    for (const key_entry& one : read.value->all()) {
        makers.push_back(one.made_by);
    }
    EXPECT_THAT(makers, ElementsAre("anna", "", "", "", ""));
}

TEST(key_ring, names_file_and_line_of_every_mistake) {
    const std::string good = line("anna", "sk-1") + "\n";
    const std::string digest(64, 'a');
    std::string long_name(65, 'n');
    long_name += " " + digest;
    const std::vector<std::pair<std::string, std::string>> table{
        {good + "bert\n", "keys:2:1: key 'bert' needs the 64 hex digits of its SHA-256"},
        {good + "\nbert abc\n", "keys:3:1: key 'bert' needs"},
        {"bert gg" + digest.substr(2), "keys:1:1: key 'bert' needs"},
        {"bert a" + digest, "keys:1:1: key 'bert' needs"},
        {"b\xC3\xA4rt " + digest, "keys:1:1: a key's name is 1 to 64 letters"},
        {long_name, "a key's name is 1 to 64 letters"},
        {line("bert", "x") + " and more",
         "after the digest of key 'bert', only scopes such as 'inference,operate' and a comment (#) are "
         "allowed"},
        {good + line("anna", "sk-2"), "keys:2:1: a key named 'anna' is already in line 1"},
        {good + line("bert", "sk-1"), "keys:2:1: the key of 'bert' is in line 1 already, as that of 'anna'"},
    };
    for (const auto& [text, complaint] : table) {
        EXPECT_THAT(complaints(text), ElementsAre(HasSubstr(complaint))) << text;
        EXPECT_FALSE(key_ring::parse(text, "keys").value);
    }
    EXPECT_EQ(complaints("a\nb\n").size(), 2U);
}

}  // namespace
}  // namespace corral::config
