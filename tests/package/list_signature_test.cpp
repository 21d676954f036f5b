// With keys that the test makes, where gpg and minisign are installed.

#include "corral/package/list_signature.hpp"

#include <cstdlib>
#include <filesystem>

#include <gmock/gmock.h>
#include <unistd.h>

#include "catalog/temporary_folder.hpp"

namespace corral::package {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

bool has_program(const std::string& name) {
    return ::access(("/usr/bin/" + name).c_str(), X_OK) == 0;
}

class signed_list : public testing::Test {
protected:
    signed_list() {
        box.write("p/SHA256SUMS", "a list\n");
        fs::create_directories(trusted);
    }
    ~signed_list() override {
        static_cast<void>(
            std::system(("gpgconf --homedir " + home() + " --kill all >/dev/null 2>&1").c_str()));
    }
    std::string home() const { return (box.path() / "gnupg").string(); }
    std::string at(const std::string& name) const { return (box.path() / name).string(); }
    void run(const std::string& command) const {
        ASSERT_EQ(std::system((command + " >/dev/null 2>&1 </dev/null").c_str()), 0) << command;
    }
    std::string gpg() const {
        return "gpg --homedir " + home() + " --batch --yes --pinentry-mode loopback --passphrase '' ";
    }
    void sign_by_gpg(const std::string& until = "never", const std::string& then = {}) {
        fs::create_directories(home());
        fs::permissions(home(), fs::perms::owner_all);
        run(gpg() + then + "--quick-gen-key maker@example ed25519 sign " + until);
        run(gpg() + then + "--armor --detach-sign -o " + at("p/SHA256SUMS.asc") + " " + at("p/SHA256SUMS"));
    }
    signature_verdict check() const {
        return check_list_signature(*package_tree::open(box.path() / "p"), trusted);
    }

    tests::temporary_folder box;
    fs::path trusted = box.path() / "trusted.d";
};

TEST_F(signed_list, without_a_signature_is_just_that) {
    EXPECT_EQ(check().state, signature_state::none);
    fs::create_symlink("/etc/passwd", box.path() / "p/SHA256SUMS.asc");
    EXPECT_EQ(check().state, signature_state::none) << "a link out of the package is none";
}

TEST_F(signed_list, without_a_key_is_not_checked) {
    box.write("p/SHA256SUMS.asc", "x");
    EXPECT_EQ(check().state, signature_state::unchecked);
    EXPECT_THAT(check().why, HasSubstr("no keyring (*.gpg) in"));
}

TEST_F(signed_list, is_good_by_a_key_of_the_folder_alone) {
    if (!has_program("gpg") || !has_program("gpgv")) {
        GTEST_SKIP() << "gpg and gpgv are not installed";
    }
    sign_by_gpg();
    run(gpg() + "--quick-gen-key other@example ed25519 sign never");
    run(gpg() + "-o " + at("trusted.d/other.gpg") + " --export other@example");
    EXPECT_EQ(check().state, signature_state::refused);
    EXPECT_THAT(check().why, HasSubstr("is in no keyring of"));
    run(gpg() + "-o " + at("trusted.d/maker.gpg") + " --export maker@example");
    EXPECT_EQ(check().state, signature_state::good);
    EXPECT_THAT(check().why, HasSubstr("maker@example"));
    EXPECT_EQ(check().file, "SHA256SUMS.asc");
    box.write("p/SHA256SUMS", "another list\n");
    EXPECT_EQ(check().state, signature_state::refused);
    EXPECT_THAT(check().why, HasSubstr("not the signature of this list"));
    box.write("p/SHA256SUMS.asc", "no signature at all");
    EXPECT_EQ(check().state, signature_state::refused);
}

TEST_F(signed_list, of_a_key_that_has_expired_since_is_refused) {
    if (!has_program("gpg") || !has_program("gpgv")) {
        GTEST_SKIP() << "gpg and gpgv are not installed";
    }
    sign_by_gpg("1y", "--faked-system-time 20200101T000000 ");
    run(gpg() + "-o " + at("trusted.d/maker.gpg") + " --export maker@example");
    EXPECT_EQ(check().state, signature_state::refused);
    EXPECT_THAT(check().why, HasSubstr("expired"));
}

TEST_F(signed_list, of_minisign_is_good_by_its_key_alone) {
    if (!has_program("minisign")) {
        GTEST_SKIP() << "minisign is not installed";
    }
    run("minisign -G -W -p " + at("maker.pub") + " -s " + at("maker.key"));
    run("minisign -G -W -p " + at("trusted.d/other.pub") + " -s " + at("other.key"));
    run("minisign -S -s " + at("maker.key") + " -m " + at("p/SHA256SUMS"));
    EXPECT_EQ(check().state, signature_state::refused);
    fs::copy_file(at("maker.pub"), at("trusted.d/maker.pub"));
    EXPECT_EQ(check().state, signature_state::good);
    EXPECT_EQ(check().why, "maker");
    box.write("p/SHA256SUMS", "another list\n");
    EXPECT_EQ(check().state, signature_state::refused);
}

}  // namespace
}  // namespace corral::package
