#include "corral/config/credential_files.hpp"

#include <filesystem>

#include <gmock/gmock.h>

#include "catalog/temporary_folder.hpp"
#include "corral/catalog/package_survey.hpp"
#include "http/test_certificate.hpp"

namespace corral::config {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

class credentials : public testing::Test {
protected:
    credentials() {
        write_keys("sk-1");
        write_certificate("first.lan");
        settings_.keys_file = folder_.path() / "keys";
        settings_.tls = http::tls_files{folder_.path() / "cert.pem", folder_.path() / "key.pem"};
    }
    // As an editor or 'corral key' does it: a new file in the place of the old.
    void write(const std::string& name, const std::string& text) const {
        folder_.write("aside", text);
        std::filesystem::permissions(folder_.path() / "aside", std::filesystem::perms(0600));
        std::filesystem::rename(folder_.path() / "aside", folder_.path() / name);
    }
    void write_keys(const std::string& key) const { write("keys", "a " + catalog::sha256_hex(key).value()); }
    void write_certificate(const std::string& name) const {
        const auto made = http::test::make_certificate(name);
        write("cert.pem", made.certificate);
        write("key.pem", made.key);
    }

    tests::temporary_folder folder_;
    configuration settings_;
};

TEST_F(credentials, of_a_server_without_any_are_none) {
    credential_files files{configuration{}};
    ASSERT_TRUE(files.load());
    EXPECT_EQ(files.keys(), nullptr);
    EXPECT_FALSE(files.tls());
    EXPECT_FALSE(files.refresh(true));
}

TEST_F(credentials, follow_their_files) {
    credential_files files(settings_);
    ASSERT_TRUE(files.load());
    const key_ring* keys = files.keys();
    ASSERT_NE(keys, nullptr);
    EXPECT_TRUE(keys->find("sk-1"));
    EXPECT_THAT(files.tls()->description(), HasSubstr("first.lan"));
    EXPECT_FALSE(files.refresh(false));
    write_keys("sk-2");
    EXPECT_FALSE(files.refresh(false));
    EXPECT_EQ(files.keys(), keys);
    EXPECT_FALSE(keys->find("sk-1"));
    EXPECT_TRUE(keys->find("sk-2"));
    write_certificate("second.lan");
    EXPECT_TRUE(files.refresh(false));
    EXPECT_THAT(files.tls()->description(), HasSubstr("second.lan"));
    EXPECT_FALSE(files.refresh(false));
    EXPECT_TRUE(files.refresh(true));
}

TEST_F(credentials, stay_when_new_files_are_bad_and_come_when_they_are_repaired) {
    credential_files files(settings_);
    ASSERT_TRUE(files.load());
    write("keys", "nonsense");
    write("cert.pem", http::test::make_certificate("second.lan").certificate);
    EXPECT_FALSE(files.refresh(false));
    EXPECT_TRUE(files.keys()->find("sk-1"));
    EXPECT_THAT(files.tls()->description(), HasSubstr("first.lan"));
    std::filesystem::remove(folder_.path() / "keys");
    EXPECT_FALSE(files.refresh(true));
    EXPECT_TRUE(files.keys()->find("sk-1"));
    write_keys("sk-3");
    write_certificate("third.lan");
    EXPECT_TRUE(files.refresh(false));
    EXPECT_TRUE(files.keys()->find("sk-3"));
    EXPECT_THAT(files.tls()->description(), HasSubstr("third.lan"));
}

TEST_F(credentials, whose_time_is_over_meanwhile_are_told_until_there_are_new_ones) {
    constexpr std::time_t day = 86'400;
    const std::time_t now = std::time(nullptr);
    credential_files files(settings_);
    ASSERT_TRUE(files.load());
    EXPECT_FALSE(files.refresh(false, now));
    EXPECT_THAT(files.kept(), IsEmpty());
    EXPECT_FALSE(files.refresh(false, now + day));
    EXPECT_THAT(files.kept(), ElementsAre(HasSubstr("cert.pem' expired on ")));
    EXPECT_FALSE(files.refresh(false, now - day)) << "a clock that was set back";
    EXPECT_THAT(files.kept(), ElementsAre(HasSubstr("cert.pem' is not valid before ")));
    write_certificate("second.lan");
    EXPECT_TRUE(files.refresh(false, now));
    EXPECT_THAT(files.kept(), IsEmpty());
}

TEST_F(credentials, that_are_bad_at_the_start_are_said) {
    write("keys", "nonsense");
    EXPECT_THAT(credential_files(settings_).load().error().message,
                HasSubstr("keys:1:1: key 'nonsense' needs"));
    write_keys("sk-1");
    write("key.pem", "");
    EXPECT_THAT(credential_files(settings_).load().error().message, HasSubstr("holds no private key"));
}

}  // namespace
}  // namespace corral::config
