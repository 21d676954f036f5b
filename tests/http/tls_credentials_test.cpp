#include <filesystem>
#include <functional>

#include <gmock/gmock.h>

#include "catalog/temporary_folder.hpp"
#include "corral/http/tls.hpp"
#include "test_certificate.hpp"

namespace corral::http::test {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class tls_files_on_disk : public ::testing::Test {
protected:
    tls_files write(const std::string& certificate, const std::string& key) const {
        tls_files out{folder_.write("cert.pem", certificate), folder_.write("key.pem", key)};
        std::filesystem::permissions(out.key, std::filesystem::perms::owner_read);
        return out;
    }
    void TearDown() override {
        std::error_code absent;
        std::filesystem::remove(folder_.path() / "key.pem", absent);
    }
    // The complaint, without the folder; "" when all is well.
    std::string complaint(const std::string& certificate, const std::string& key) {
        TearDown();
        const auto loaded = tls_credentials::load(write(certificate, key));
        return loaded ? std::string() : without_folder(loaded.error().message);
    }
    std::string without_folder(std::string text) const {
        const std::string folder = folder_.path().string() + "/";
        for (auto at = text.find(folder); at != std::string::npos; at = text.find(folder)) {
            text.erase(at, folder.size());
        }
        return text;
    }

    tests::temporary_folder folder_;
};

TEST_F(tls_files_on_disk, that_fit_are_described) {
    const auto made = make_certificate("box.lan");
    const auto loaded = tls_credentials::load(write(made.certificate, made.key));
    ASSERT_TRUE(loaded) << loaded.error().message;
    EXPECT_THAT(loaded->description(), HasSubstr("CN=box.lan, until "));
    EXPECT_NEAR(static_cast<double>(loaded->end()), static_cast<double>(std::time(nullptr) + 3600), 60);
    EXPECT_THAT(loaded->warnings(), IsEmpty());
}

TEST_F(tls_files_on_disk, that_are_wrong_are_refused_with_the_file_and_the_reason) {
    const auto made = make_certificate("box.lan");
    const auto other = make_certificate("other.lan");
    const auto encrypted = make_certificate("box.lan", -60, 3600, "secret");
    const std::string damaged = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    const struct {
        std::string certificate;
        std::string key;
        std::string complaint;
    } table[] = {
        {made.certificate, made.key, ""},
        {made.certificate + other.certificate, made.key, ""},
        {made.key + made.certificate, made.certificate + made.key, ""},
        {"", made.key, "'cert.pem' holds no certificate in PEM form"},
        {"nonsense", made.key, "'cert.pem' holds no certificate in PEM form"},
        {made.certificate, "", "'key.pem' holds no private key in PEM form"},
        {made.certificate, made.certificate, "'key.pem' holds no private key in PEM form"},
        {made.certificate, other.key, "'key.pem' is not the key of the certificate in 'cert.pem'"},
        {encrypted.certificate, encrypted.key, "'key.pem' is encrypted with a password"},
        {made.certificate + damaged, made.key, "'cert.pem' holds a damaged certificate behind the first"},
        {std::string(1024 * 1024 + 1, 'x'), made.key, "'cert.pem' is larger than 1 MiB"},
    };
    for (const auto& row : table) {
        EXPECT_THAT(complaint(row.certificate, row.key), HasSubstr(row.complaint)) << row.complaint;
        EXPECT_EQ(complaint(row.certificate, row.key).empty(), row.complaint.empty());
    }
}

TEST_F(tls_files_on_disk, that_are_no_files_are_refused) {
    const auto made = make_certificate("box.lan");
    tls_files files = write(made.certificate, made.key);
    files.certificate = folder_.path();
    EXPECT_THAT(tls_credentials::load(files).error().message, HasSubstr("is not a regular file"));
    files.certificate = folder_.path() / "absent.pem";
    EXPECT_THAT(without_folder(tls_credentials::load(files).error().message),
                HasSubstr("can't read 'absent.pem': No such file"));
}

TEST_F(tls_files_on_disk, that_clients_may_not_like_are_warned_of) {
    const auto expired = make_certificate("box.lan", -7200, -3600);
    const auto loaded = tls_credentials::load(write(expired.certificate, expired.key));
    ASSERT_TRUE(loaded);
    EXPECT_THAT(loaded->warnings(), ElementsAre(HasSubstr("expired on")));
    TearDown();
    const auto early = make_certificate("box.lan", 3600, 7200);
    const tls_files files = write(early.certificate, early.key);
    std::filesystem::permissions(files.key, std::filesystem::perms::others_read,
                                 std::filesystem::perm_options::add);
    const auto second = tls_credentials::load(files);
    ASSERT_TRUE(second);
    EXPECT_THAT(second->warnings(), ElementsAre(HasSubstr("is not valid before"),
                                                HasSubstr("every user of this machine can read")));
}

}  // namespace
}  // namespace corral::http::test
