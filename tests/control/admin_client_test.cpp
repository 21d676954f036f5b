// Whoever listens at a socket may be anybody.

#include "corral/control/admin_client.hpp"

#include <array>
#include <string>
#include <thread>

#include <gmock/gmock.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "catalog/temporary_folder.hpp"
#include "control/unix_socket.hpp"

namespace corral::control {
namespace {

using testing::HasSubstr;

constexpr const char* head =
    "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n";

// Answers one connection with `said`, piece by piece, and keeps what it was asked.
class listener {
public:
    explicit listener(std::vector<std::string> said, bool stays = false) {
        const auto opened = listen_unix(path_);
        EXPECT_TRUE(opened);
        socket_ = core::owned_fd(*opened);
        serving_ = std::thread([this, said = std::move(said), stays] { serve(said, stays); });
    }
    listener(const listener&) = delete;
    listener& operator=(const listener&) = delete;
    ~listener() { end(); }

    [[nodiscard]] std::vector<std::filesystem::path> places() const { return {path_}; }
    [[nodiscard]] std::string asked() {
        end();
        return asked_;
    }

private:
    void serve(const std::vector<std::string>& said, bool stays) {
        await_client();
        const core::owned_fd client(::accept4(socket_.get(), nullptr, nullptr, SOCK_CLOEXEC));
        std::array<char, 4096> piece{};
        while (asked_.find("\r\n\r\n") == std::string::npos) {
            const auto got = ::recv(client.get(), piece.data(), piece.size(), 0);
            if (got <= 0) {
                return;
            }
            asked_.append(piece.data(), static_cast<std::size_t>(got));
        }
        for (const std::string& each : said) {
            static_cast<void>(::send(client.get(), each.data(), each.size(), MSG_NOSIGNAL));
        }
        // Until the client gives up.
        while (stays && ::recv(client.get(), piece.data(), piece.size(), 0) > 0) {
        }
    }
    void await_client() const {
        pollfd look{socket_.get(), POLLIN, 0};
        ::poll(&look, 1, -1);
    }
    void end() {
        if (serving_.joinable()) {
            serving_.join();
        }
    }

    tests::temporary_folder folder_;
    std::filesystem::path path_ = folder_.path() / "a.sock";
    core::owned_fd socket_;
    std::string asked_;
    std::thread serving_;
};

std::string answer(const char* status, const std::string& body) {
    return std::string("HTTP/1.1 ") + status + "\r\nContent-Length: " + std::to_string(body.size()) +
           "\r\n\r\n" + body;
}

TEST(admin_client, asks_by_http_and_tells_an_answer_from_a_refusal) {
    listener at({answer("200 OK", R"({"models":[]})")});
    const auto good =
        ask_daemon(at.places(), {"POST", "/corral/v1/reload", {{"allow_empty", true}}}, core::seconds{20});
    ASSERT_TRUE(good) << good.error().message;
    EXPECT_EQ((*good)["ok"], true);
    EXPECT_THAT(at.asked(), testing::StartsWith("POST /corral/v1/reload HTTP/1.1\r\nHost: corral\r\n"));

    listener refuses({answer("409 Conflict", R"({"error":"it is busy"})")});
    const auto bad = ask_daemon(refuses.places(), {}, core::seconds{20});
    ASSERT_TRUE(bad);
    EXPECT_EQ((*bad)["ok"], false);
    EXPECT_EQ((*bad)["error"], "it is busy");
}

TEST(admin_client, says_what_is_wrong_with_whoever_listens) {
    for (const std::string& said :
         {std::string(), std::string("{\"ok\":false,\"error\":\"one JSON object\"}\n"),
          std::string("HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\n{\"half\":")}) {
        listener at({said});
        const auto told = ask_daemon(at.places(), {}, core::seconds{20});
        ASSERT_FALSE(told) << said;
        EXPECT_THAT(told.error().message.text(), HasSubstr("if an earlier one runs there, restart it"))
            << said;
    }
    for (const char* const body : {"[]", "no JSON", "7"}) {
        listener at({answer("200 OK", body)});
        const auto told = ask_daemon(at.places(), {}, core::seconds{20});
        ASSERT_FALSE(told) << body;
        EXPECT_THAT(told.error().message.text(), HasSubstr("not understood"));
    }
    listener silent({}, true);
    const auto late = ask_daemon(silent.places(), {}, core::seconds{1});
    ASSERT_FALSE(late);
    EXPECT_THAT(late.error().message.text(), HasSubstr("does not answer in time"));
}

TEST(admin_client, gives_each_event_once_however_it_is_cut) {
    const std::string stream =
        "event: line\ndata: {\"text\":\"a\"}\n\nevent: lost\ndata: {\"lines\":3}\n\n: a comment\n\nevent: "
        "odd\n\n";
    for (std::size_t cut = 0; cut <= stream.size(); cut += 7) {
        listener at({head, stream.substr(0, cut), stream.substr(cut)});
        std::vector<std::string> seen;
        const auto done = follow_daemon(at.places(), "/x", core::seconds{20},
                                        [&](std::string_view event, const admin_json& data) {
                                            if (!event.empty()) {
                                                seen.push_back(std::string(event) + data.dump());
                                            }
                                            return true;
                                        });
        EXPECT_TRUE(done);
        EXPECT_THAT(seen, testing::ElementsAre(R"(line{"text":"a"})", R"(lost{"lines":3})")) << cut;
    }
}

TEST(admin_client, stops_following_when_it_has_enough_or_is_refused) {
    listener at({head, "event: line\ndata: {}\n\nevent: line\ndata: {}\n\n"}, true);
    int seen = 0;
    EXPECT_TRUE(follow_daemon(at.places(), "/x", core::seconds{20}, [&](std::string_view, const admin_json&) {
        ++seen;
        return false;
    }));
    EXPECT_EQ(seen, 1);

    listener refuses({answer("404 Not Found", R"({"error":"no such model"})")});
    std::string why;
    EXPECT_TRUE(follow_daemon(refuses.places(), "/x", core::seconds{20},
                              [&](std::string_view event, const admin_json& data) {
                                  why = std::string(event) + ": " + data.value("error", "");
                                  return true;
                              }));
    EXPECT_EQ(why, "refused: no such model");
}

}  // namespace
}  // namespace corral::control
