// A client's call over TLS: whom it believes, and that answers come whole.

#include "corral/http/tls.hpp"

#include <gmock/gmock.h>

#include <boost/asio/co_spawn.hpp>

#include "catalog/temporary_folder.hpp"
#include "corral/http/reply_stream.hpp"
#include "live_server.hpp"
#include "test_certificate.hpp"

namespace corral::http::test {
namespace {

using ::testing::HasSubstr;

constexpr std::size_t large = 3 * 1024 * 1024;

core::awaitable<void> echo(const request& incoming, response_writer& out) {
    response whole;
    whole.body = incoming.path == "/large" ? std::string(large, 'b') : std::to_string(incoming.body.size());
    co_await out.send(std::move(whole));
}

struct box {
    tests::temporary_folder folder;
    std::filesystem::path certificate;
    std::filesystem::path key;

    box() {
        const auto made = make_certificate("box.lan");
        certificate = folder.write("cert.pem", made.certificate);
        key = folder.write("key.pem", made.key);
    }
    [[nodiscard]] tls_credentials credentials() const {
        return tls_credentials::load({certificate, key}).value();
    }
};

core::awaitable<core::result<std::string>> ask(stream_call what) {
    const core::deadline until = what.until;
    auto opened = co_await reply_stream::open(std::move(what));
    if (!opened) {
        co_return opened.error();
    }
    core::result<std::string> body = co_await read_all(**opened, 2 * large, until);
    co_return body;
}

core::result<std::string> run(stream_call what) {
    core::asio::io_context loop;
    core::result<std::string> out = std::string();
    what.until = core::deadline::after(patience, std::chrono::steady_clock::now());
    core::asio::co_spawn(
        loop, ask(std::move(what)),
        [&](const std::exception_ptr&, core::result<std::string> body) { out = std::move(body); });
    loop.run_for(2 * patience);
    return out;
}

stream_call to(const live_server& at, const tls_trust& trust, const std::string& name) {
    stream_call what;
    what.to = {core::asio::ip::address_v4::loopback(), at.port()};
    what.tls = tls_peer{trust, name};
    return what;
}

TEST(tls_trust, a_server_with_a_certificate_of_the_file_is_believed) {
    const box own;
    live_server live(echo, {}, own.credentials());
    const tls_trust trust = tls_trust::load(own.certificate).value();
    for (const char* const name : {"box.lan", ""}) {
        stream_call what = to(live, trust, name);
        what.body = std::string(2'000'000, 'x');
        EXPECT_EQ(run(std::move(what)).value(), "2000000") << name;
        stream_call other = to(live, trust, name);
        other.target = "/large";
        EXPECT_EQ(run(std::move(other)).value().size(), large) << name;
    }
}

TEST(tls_trust, another_name_and_another_certificate_are_not) {
    const box own;
    const box other;
    live_server live(echo, {}, own.credentials());
    const auto misnamed = run(to(live, tls_trust::load(own.certificate).value(), "elsewhere.lan"));
    ASSERT_FALSE(misnamed);
    EXPECT_THAT(misnamed.error().message, HasSubstr("elsewhere.lan is not trusted: hostname mismatch"));
    for (const auto& authorities : {other.certificate, std::filesystem::path()}) {
        const auto strange = run(to(live, tls_trust::load(authorities).value(), "box.lan"));
        ASSERT_FALSE(strange);
        EXPECT_THAT(strange.error().message,
                    HasSubstr("the certificate of box.lan is not trusted: self-signed"));
    }
}

TEST(tls_trust, a_server_without_tls_and_one_that_is_not_there_are_failures) {
    const box own;
    const tls_trust trust = tls_trust::load(own.certificate).value();
    std::uint16_t port = 0;
    {
        live_server plain(echo);
        EXPECT_FALSE(run(to(plain, trust, "box.lan")));
        port = plain.port();
    }
    stream_call what;
    what.to = {core::asio::ip::address_v4::loopback(), port};
    what.tls = tls_peer{trust, "box.lan"};
    const auto nobody = run(std::move(what));
    ASSERT_FALSE(nobody);
    EXPECT_EQ(nobody.error().code, core::error_code(core::asio::error::connection_refused));
}

TEST(tls_trust, a_file_without_certificates_is_named) {
    const tests::temporary_folder folder;
    const auto empty = folder.write("empty.pem", "nothing");
    const auto read = tls_trust::load(empty);
    ASSERT_FALSE(read);
    EXPECT_THAT(read.error().message, HasSubstr("empty.pem' holds no certificate"));
    EXPECT_FALSE(tls_trust::load("/nowhere/at/all.pem"));
}

}  // namespace
}  // namespace corral::http::test
