// [access] and [tls]: who may ask, and what is said about an address that others reach.

#include <filesystem>

#include <gmock/gmock.h>

#include "config/configuration_fixture.hpp"
#include "corral/catalog/package_survey.hpp"
#include "corral/config/configuration_access.hpp"
#include "http/test_certificate.hpp"

namespace corral::config {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

class configured_access : public configuration_file {
protected:
    void SetUp() override {
        configuration_file::SetUp();
        write_private("keys", "anna " + catalog::sha256_hex("sk-1").value() + "\n");
        const auto made = http::test::make_certificate("box.lan");
        folder_.write("cert.pem", made.certificate);
        write_private("key.pem", made.key);
    }
    void write_private(const std::string& name, const std::string& text) {
        std::filesystem::permissions(folder_.write(name, text), std::filesystem::perms(0600));
    }
    std::vector<std::string> warnings(const std::string& text) {
        std::vector<std::string> out;
        for (const auto& each : load(text).warnings) {
            out.push_back(std::to_string(each.line) + ": " + each.message);
        }
        return out;
    }
};

const std::string keys = "[access]\nkeys = \"keys\"\n";
const std::string tls = "[tls]\ncertificate = \"cert.pem\"\nkey = \"key.pem\"\n";
const std::string lan = "listen = \"0.0.0.0:11434\"\n";

TEST_F(configured_access, is_read) {
    const auto read = load(keys + tls + model_text);
    ASSERT_TRUE(read.value) << complaints(keys + tls + model_text);
    EXPECT_EQ(read.value->keys_file, folder_.path() / "keys");
    ASSERT_TRUE(read.value->tls);
    EXPECT_EQ(read.value->tls->certificate, folder_.path() / "cert.pem");
    EXPECT_EQ(read.value->tls->key, folder_.path() / "key.pem");
    EXPECT_THAT(read.warnings, IsEmpty());
}

TEST_F(configured_access, without_keys_has_names_and_operators) {
    const std::string text = "[access]\nhosts = [\"Box.LAN\"]\noperators = \"staff\"\n" + model_text;
    const auto read = load(text);
    ASSERT_TRUE(read.value) << complaints(text);
    EXPECT_FALSE(read.value->keys_file);
    EXPECT_THAT(read.value->hosts, ElementsAre("box.lan"));
    EXPECT_EQ(read.value->operators, "staff");
    EXPECT_THAT(complaints(lan + text), HasSubstr("without a key"));
}

TEST_F(configured_access, decides_whether_others_may_reach_us) {
    EXPECT_THAT(
        complaints(lan + model_text),
        HasSubstr("c.toml:1:10: listening on 0.0.0.0 would let every machine of the network in without a "
                  "key; make a key with 'corral key new NAME --file FILE'"));
    EXPECT_EQ(complaints(lan + keys + model_text), "");
    EXPECT_EQ(complaints(lan + "allow_unauthenticated = true\n" + model_text), "");
    EXPECT_THAT(complaints(lan + tls + model_text), HasSubstr("without a key"));
}

TEST_F(configured_access, warns_of_what_is_allowed_and_unwise) {
    EXPECT_THAT(
        warnings(lan + keys + model_text),
        ElementsAre(
            "1: without [tls] the API keys cross the network unencrypted, and anyone on it can read them"));
    EXPECT_THAT(warnings(lan + keys + tls + model_text), IsEmpty());
    EXPECT_THAT(warnings("[access]\noperators = \"no-such-group\"\n" + model_text),
                ElementsAre(HasSubstr("2: there is no group 'no-such-group' on this machine")));
    EXPECT_THAT(warnings("allow_unauthenticated = true\n" + keys + model_text),
                ElementsAre(HasSubstr("'allow_unauthenticated' has no effect beside [access]")));
    write_private("keys", "# none yet\n");
    EXPECT_THAT(warnings(keys + model_text),
                ElementsAre(HasSubstr("contains no keys, so every client is refused")));
    std::filesystem::permissions(folder_.path() / "key.pem", std::filesystem::perms(0644));
    EXPECT_THAT(warnings(tls + model_text), ElementsAre(HasSubstr("every user of this machine can read")));
}

TEST_F(configured_access, names_the_place_of_each_mistake) {
    write_private("bad", "\nanna\n");
    write_private("other.pem", http::test::make_certificate("other.lan").key);
    const std::vector<std::pair<std::string, std::string>> table{
        {"[access]\n" + model_text, "c.toml:1:1: 'keys' is missing in [access]"},
        {"[access]\nkeys = \"\"\n" + model_text, "c.toml:2:8: 'keys' must not be empty"},
        {"[access]\nkeys = \"absent\"\n" + model_text, "c.toml:2:8: can't read '"},
        {"[access]\nkeys = \"absent\"\n" + model_text, "'corral key new NAME --file "},
        {"[access]\nkeys = \"bad\"\n" + model_text, "bad:2:1: key 'anna' needs the 64 hex digits"},
        {"[access]\nkey = \"keys\"\n" + model_text, "unknown key 'key' in [access]; did you mean 'keys'?"},
        {"[tls]\nkey = \"key.pem\"\n" + model_text, "c.toml:1:1: 'certificate' is missing in [tls]"},
        {"[tls]\ncertificate = \"cert.pem\"\n" + model_text, "c.toml:1:1: 'key' is missing in [tls]"},
        {"[tls]\ncertificate = \"cert.pem\"\nkey = \"other.pem\"\n" + model_text,
         "other.pem' is not the key of the certificate in '"},
    };
    for (const auto& [text, complaint] : table) {
        EXPECT_THAT(complaints(text), HasSubstr(complaint)) << text;
    }
}

// 'corral key new' asks before the file is there, and so before the configuration can be good.
TEST_F(configured_access, tells_the_keys_file_whatever_else_is_wrong) {
    folder_.write("c.toml", "nonsense = 1\n[access]\nkeys = \"absent\"\n");
    EXPECT_EQ(configured_keys_file(folder_.path() / "c.toml"), folder_.path() / "absent");
    folder_.write("c.toml", "listen = 5\n");
    EXPECT_EQ(configured_keys_file(folder_.path() / "c.toml"), std::nullopt);
    EXPECT_EQ(configured_keys_file(folder_.path() / "absent.toml"), std::nullopt);
}

}  // namespace
}  // namespace corral::config
