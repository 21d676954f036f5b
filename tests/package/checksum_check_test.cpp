#include "corral/package/checksum_check.hpp"

#include <cstdlib>
#include <filesystem>

#include <gmock/gmock.h>
#include <unistd.h>

#include "catalog/temporary_folder.hpp"
#include "corral/package/checksum_list.hpp"

namespace corral::package {

namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::IsEmpty;

std::string hex_of(const std::string& text) {
    sha256_sum sum;
    sum.feed(text);
    return *sum.hex();
}

class checked_package : public testing::Test {
protected:
    checked_package() {
        box.write("p/model.bin", "weights");
        box.write("p/layers/l0", "");
        list = {{"model.bin", hex_of("weights")}, {"layers/l0", hex_of("")}};
    }
    checksum_report check() {
        const auto tree = package_tree::open(box.path() / "p");
        return check_checksums(*tree, list, rule, [this](std::uint64_t done, std::uint64_t all) {
            progress.push_back(std::to_string(done) + "/" + std::to_string(all));
            return go_on;
        });
    }

    tests::temporary_folder box;
    std::vector<listed_file> list;
    std::vector<std::string> progress;
    bool go_on = true;
    unlisted_rule rule = unlisted_rule::usual;
};

TEST_F(checked_package, that_is_whole_has_nothing_to_name) {
    box.write("p/SHA256SUMS", "x");
    box.write("p/SHA256SUMS.asc", "x");
    box.write("p/.gitattributes", "x");
    box.write("p/.git/config", "x");
    box.write("p/__pycache__/a.pyc", "x");
    const auto seen = check();
    EXPECT_THAT(seen.changed, IsEmpty());
    EXPECT_THAT(seen.missing, IsEmpty());
    EXPECT_THAT(seen.unlisted, IsEmpty());
    EXPECT_TRUE(seen.whole);
    EXPECT_THAT(progress, ElementsAre("7/7"));
}

// What a program of the package may read, or import, though no line vouches for it.
TEST_F(checked_package, under_a_signature_every_file_counts) {
    for (const char* own : {"SHA256SUMS", "SHA256SUMS.asc", "SHA256SUMS.sig", "SHA256SUMS.gpg",
                            "SHA256SUMS.minisig", ".corral-pull.json"}) {
        box.write("p/" + std::string(own), "x");
    }
    rule = unlisted_rule::strict;
    EXPECT_THAT(check().unlisted, IsEmpty());
    const std::vector<std::string> strangers{"__pycache__/a.cpython-311.pyc",
                                             "layers/__pycache__/b.pyc",
                                             ".hidden/c.py",
                                             ".env",
                                             ".git/hooks/d",
                                             "SHA256SUMS.py",
                                             "SHA256SUMS.d/e.so",
                                             "layers/SHA256SUMS",
                                             "layers/.corral-pull.json",
                                             "venv/bin/python",
                                             "venv/pyvenv.cfg",
                                             "1/2/3/4/5/6/7/8/9/10/deep.py"};
    for (const std::string& one : strangers) {
        box.write("p/" + one, "x");
        const auto seen = check().unlisted;
        EXPECT_EQ(seen.size(), 1U) << one;
        fs::remove_all(box.path() / "p" /
                       one.substr(0, one.starts_with("layers/") ? one.size() : one.find('/')));
    }
    fs::remove_all(box.path() / "p/layers/__pycache__");
    fs::create_directory_symlink("layers", box.path() / "p/alias");
    EXPECT_THAT(check().unlisted, ElementsAre("alias"));
    fs::rename(box.path() / "p/alias", box.path() / "p/.corral-pull.json");
    EXPECT_THAT(check().unlisted, ElementsAre(".corral-pull.json")) << "a record is a file";
}

TEST_F(checked_package, names_what_changed_is_missing_or_unlisted) {
    box.write("p/model.bin", "Weights");
    fs::remove(box.path() / "p/layers/l0");
    box.write("p/run.sh", "x");
    box.write("p/layers/SHA256SUMS", "x");
    const auto seen = check();
    EXPECT_THAT(seen.changed, ElementsAre("model.bin"));
    EXPECT_THAT(seen.missing, ElementsAre("layers/l0"));
    EXPECT_THAT(seen.unlisted, ElementsAre("layers/SHA256SUMS", "run.sh"));
}

TEST_F(checked_package, tells_a_pointer_of_git_lfs_from_a_damaged_file) {
    const std::string pointer =
        "version https://git-lfs.github.com/spec/v1\noid sha256:" + hex_of("weights") + "\nsize 7\n";
    box.write("p/model.bin", pointer);
    box.write("p/layers/l0", "cut");
    auto seen = check();
    EXPECT_THAT(seen.pointers, ElementsAre("model.bin"));
    EXPECT_THAT(seen.changed, ElementsAre("layers/l0"));
    list.front().sha256 = hex_of(pointer);
    EXPECT_THAT(check().pointers, IsEmpty()) << "the list means the pointer itself";
}

TEST_F(checked_package, a_link_that_leads_out_is_no_file_of_it) {
    box.write("secret", "weights");
    fs::remove(box.path() / "p/model.bin");
    fs::create_symlink("../secret", box.path() / "p/model.bin");
    EXPECT_THAT(check().missing, ElementsAre("model.bin"));
}

TEST_F(checked_package, is_left_when_nobody_waits_any_more) {
    go_on = false;
    EXPECT_FALSE(check().whole);
}

TEST(named_files, are_three_and_a_number) {
    EXPECT_EQ(named_files({"a"}), "'a'");
    EXPECT_EQ(named_files({"a", "b", "c", "d\n", "e"}), "'a', 'b', 'c' and 2 more");
}

}  // namespace

// With keys that the test makes, where gpg and minisign are installed.

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
