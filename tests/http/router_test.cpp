#include "corral/http/router.hpp"

#include <gtest/gtest.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>

namespace corral::http {
namespace {

class recording_writer final : public response_writer {
public:
    core::awaitable<core::error_code> send(response whole) override {
        got = std::move(whole);
        done = true;
        co_return core::error_code{};
    }
    core::awaitable<core::error_code> begin(response_head) override { co_return core::error_code{}; }
    core::awaitable<core::error_code> write(std::string) override { co_return core::error_code{}; }
    core::awaitable<core::error_code> finish() override { co_return core::error_code{}; }
    bool started() const noexcept override { return done; }
    response got;
    bool done = false;
};

handler says(std::string text) {
    return [text](const request&, response_writer& out) -> core::awaitable<void> {
        response whole;
        whole.body = text;
        static_cast<void>(co_await out.send(std::move(whole)));
    };
}

response ask(const router& routes, const std::string& method, const std::string& path) {
    core::asio::io_context loop;
    request incoming;
    incoming.method = method;
    incoming.path = path;
    recording_writer out;
    core::asio::co_spawn(loop, routes.serve(incoming, out), core::asio::detached);
    loop.run();
    return out.got;
}

router sample() {
    router routes;
    routes.add("GET", "/api/tags", says("tags"));
    routes.add("HEAD", "/api/tags", says("tags"));
    routes.add("POST", "/api/chat", says("chat"));
    routes.add("POST", "/api/blobs/*", says("blob"));
    routes.add("HEAD", "/api/blobs/*", says("blob"));
    routes.add("GET", "/api/blobs/list", says("list"));
    routes.add("GET", "/api/ps", says("ps"));
    return routes;
}

TEST(router, finds_by_path_and_method) {
    const router routes = sample();
    EXPECT_EQ(ask(routes, "GET", "/api/tags").body, "tags");
    EXPECT_EQ(ask(routes, "HEAD", "/api/tags").body, "tags");
    EXPECT_EQ(ask(routes, "POST", "/api/blobs/sha256-1").body, "blob");
    EXPECT_EQ(ask(routes, "GET", "/api/blobs/list").body, "list");
}

TEST(router, unknown_path_is_404_as_ollama_says_it) {
    const router routes = sample();
    for (const char* path :
         {"/", "/api", "/api/tag", "/api/tags/x", "/api/blobs", "/api/blobs/", "/api/blobs/a/b"}) {
        const response got = ask(routes, "GET", path);
        EXPECT_EQ(got.status, 404U) << path;
        EXPECT_EQ(got.content_type, "text/plain");
        EXPECT_EQ(got.body, "404 page not found");
    }
}

TEST(router, wrong_method_is_405_with_allow_in_order) {
    const router routes = sample();
    const response tags = ask(routes, "DELETE", "/api/tags");
    EXPECT_EQ(tags.status, 405U);
    EXPECT_EQ(tags.content_type, "text/plain");
    EXPECT_EQ(tags.body, "405 method not allowed");
    EXPECT_EQ(tags.headers.find("allow"), "HEAD, GET");
    EXPECT_EQ(ask(routes, "GET", "/api/chat").headers.find("Allow"), "POST");
    EXPECT_EQ(ask(routes, "GET", "/api/blobs/x").headers.find("Allow"), "HEAD, POST");
    EXPECT_EQ(ask(routes, "HEAD", "/api/ps").status, 405U);
}

}  // namespace
}  // namespace corral::http
