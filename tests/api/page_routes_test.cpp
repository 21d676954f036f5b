// What browsers get at "/" and "/ui", and what all others get.

#include <filesystem>
#include <fstream>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "api/api_fixture.hpp"
#include "corral/api/page_shelf.hpp"

namespace corral {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

class folder {
public:
    folder() {
        std::string name = (fs::temp_directory_path() / "corral-page-XXXXXX").string();
        path_ = ::mkdtemp(name.data());
    }
    folder(const folder&) = delete;
    folder& operator=(const folder&) = delete;
    ~folder() { fs::remove_all(path_); }
    void put(const std::string& name, const std::string& content) const {
        std::ofstream(path_ / name, std::ios::binary) << content;
    }
    [[nodiscard]] const fs::path& path() const { return path_; }

private:
    fs::path path_;
};

class page : public test::api_test {
protected:
    void stock() {
        files_.put("index.html", "<!doctype html><title>Corral</title>");
        files_.put("app-1a2b3c4d.js", "let a;");
        files_.put("app-1a2b3c4d.js.gz", "packed");
        shelf_ =
            std::make_unique<api::page_shelf>(std::vector<fs::path>{files_.path() / "none", files_.path()});
        context.page = shelf_.get();
        serve();
    }
    std::shared_ptr<test::exchange> browse(
        const std::string& path, const std::string& accept,
        const std::vector<std::pair<std::string, std::string>>& more = {}) {
        auto headers = more;
        headers.emplace_back("Accept", accept);
        return ask("GET", path, {}, headers);
    }

    folder files_;
    std::unique_ptr<api::page_shelf> shelf_;
};

constexpr const char* browser = "text/html,application/xhtml+xml,*/*;q=0.8";

TEST_F(page, is_where_browsers_go_and_others_keep_ollamas_line) {
    stock();
    const auto sent = browse("/", browser);
    EXPECT_EQ(sent->answer.status, 302U);
    EXPECT_EQ(sent->answer.headers.find("Location"), "/ui");
    for (const char* accept : {"*/*", "application/json", "text/html;q=0", ""}) {
        const auto kept = browse("/", accept);
        EXPECT_EQ(kept->answer.status, 200U) << accept;
        EXPECT_EQ(kept->answer.body, "Ollama is running") << accept;
        EXPECT_TRUE(kept->answer.headers.all().empty()) << accept;
    }
}

TEST_F(page, that_is_not_installed_changes_nothing) {
    EXPECT_EQ(browse("/", browser)->answer.body, "Ollama is running");
    EXPECT_EQ(browse("/ui", browser)->answer.status, 404U);
    const api::page_shelf empty({files_.path()});
    EXPECT_FALSE(empty.stocked());
}

TEST_F(page, is_fenced_and_asked_for_again_by_its_tag) {
    stock();
    const auto first = browse("/ui", browser);
    EXPECT_EQ(first->answer.status, 200U);
    EXPECT_EQ(first->answer.content_type, "text/html; charset=utf-8");
    EXPECT_THAT(first->answer.body, HasSubstr("Corral"));
    EXPECT_THAT(std::string(first->answer.headers.find("Content-Security-Policy")),
                HasSubstr("default-src 'none'"));
    EXPECT_EQ(first->answer.headers.find("Cache-Control"), "no-cache");
    const std::string tag(first->answer.headers.find("ETag"));
    const auto again = browse("/ui", browser, {{"If-None-Match", "\"other\", W/" + tag}});
    EXPECT_EQ(again->answer.status, 304U);
    EXPECT_EQ(again->answer.body, "");
}

TEST_F(page, comes_compressed_to_who_takes_it) {
    stock();
    const auto packed = browse("/ui/app-1a2b3c4d.js", "*/*", {{"Accept-Encoding", "br, gzip;q=0.5"}});
    EXPECT_EQ(packed->answer.body, "packed");
    EXPECT_EQ(packed->answer.headers.find("Content-Encoding"), "gzip");
    EXPECT_EQ(packed->answer.headers.find("Vary"), "Accept-Encoding");
    EXPECT_THAT(std::string(packed->answer.headers.find("Cache-Control")), HasSubstr("immutable"));
    const auto plain = browse("/ui/app-1a2b3c4d.js", "*/*", {{"Accept-Encoding", "gzip;q=0.0"}});
    EXPECT_EQ(plain->answer.body, "let a;");
    EXPECT_NE(plain->answer.headers.find("ETag"), packed->answer.headers.find("ETag"));
}

TEST_F(page, goes_out_in_pieces_of_a_told_length) {
    const std::string large(40'000, 'x');
    files_.put("large.js", large);
    stock();
    const auto sent = browse("/ui/large.js", "*/*");
    EXPECT_EQ(sent->answer.headers.find("Content-Length"), "40000");
    EXPECT_EQ(sent->answer.body, large);
    ASSERT_EQ(sent->answer.writes.size(), 3U);
    EXPECT_LE(sent->answer.writes[0].size(), 16U * 1024);
    EXPECT_TRUE(sent->answer.finished);
    const auto asked = ask("HEAD", "/ui/large.js", {}, {});
    EXPECT_EQ(asked->answer.headers.find("Content-Length"), "40000");
    EXPECT_EQ(asked->answer.writes.size(), 0U);
}

TEST_F(page, has_no_other_files) {
    stock();
    for (const char* path : {"/ui/other.js", "/ui/..", "/ui/../index.html", "/ui/app-1a2b3c4d.js.gz"}) {
        EXPECT_EQ(browse(path, browser)->answer.status, 404U) << path;
    }
}

TEST_F(page, of_a_box_without_keys_is_for_its_own_machine) {
    stock();
    context.loopback_only = false;
    serve();
    peer = "192.0.2.7";
    const auto other = browse("/ui", browser);
    EXPECT_EQ(other->answer.status, 403U);
    EXPECT_THAT(other->answer.body, HasSubstr("corral key new"));
}

TEST(page_files, pass_over_what_no_page_has_and_refuse_too_much) {
    const folder files;
    files.put("index.html", "x");
    files.put(".hidden.js", "x");
    files.put("notes.md", "x");
    files.put("alone.js.gz", "x");
    fs::create_directory(files.path() / "a.js");
    const auto read = api::read_page(files.path());
    ASSERT_TRUE(read);
    EXPECT_EQ(read->size(), 1U);
    files.put("large.js", std::string(std::size_t{5} * 1024 * 1024, 'x'));
    EXPECT_FALSE(api::read_page(files.path()));
    EXPECT_FALSE(api::read_page(files.path() / "none"));
}

}  // namespace
}  // namespace corral
