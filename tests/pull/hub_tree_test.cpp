#include "pull/hub_tree.hpp"

#include <gtest/gtest.h>

namespace corral::pull {
namespace {

const std::string sha1(40, 'a');
const std::string sha256(64, 'b');

TEST(hub_tree, a_page_has_files_of_both_kinds) {
    const auto page = parse_tree_page(R"([{"type":"directory","oid":"x","size":0,"path":"model"},
        {"type":"file","oid":")" + sha1 +
                                      R"(","size":5,"path":"config.json"},
        {"type":"file","oid":")" + sha1 +
                                      R"(","size":9,"path":"model/a","lfs":{"oid":")" + sha256 +
                                      R"(","size":9,"pointerSize":134}}])");
    ASSERT_TRUE(page);
    ASSERT_EQ(page->size(), 2U);
    EXPECT_EQ(page->at(0), (source_file{"config.json", 5, "", sha1}));
    EXPECT_EQ(page->at(1), (source_file{"model/a", 9, sha256, ""}));
}

TEST(hub_tree, a_page_that_is_none_is_refused) {
    for (const char* const bad :
         {"", "{}", "[1]", R"([{"type":"file"}])", R"([{"type":"file","size":-1,"path":"a","oid":"b"}])",
          R"([{"type":"link","size":1,"path":"a"}])", R"([{"type":"file","size":1,"path":"a","oid":"zz"}])",
          R"([{"type":"file","size":1,"path":"a","lfs":{"oid":"short","size":1}}])",
          R"([{"type":"file","size":1,"path":"a","lfs":7}])", R"([{"type":"file")"}) {
        EXPECT_FALSE(parse_tree_page(bad)) << bad;
    }
}

TEST(hub_tree, a_revision_names_its_commit) {
    EXPECT_EQ(*parse_commit(R"({"id":"o/r","sha":")" + std::string(40, 'C') + R"("})"), std::string(40, 'c'));
    EXPECT_EQ(*parse_commit(R"({"sha":")" + sha256 + R"("})"), sha256);
    for (const char* const bad :
         {"", "[]", "{}", R"({"sha":"main"})", R"({"sha":"../../x"})", R"({"sha":5})"}) {
        EXPECT_FALSE(parse_commit(bad)) << bad;
    }
}

TEST(hub_tree, the_next_page_is_in_the_link_field) {
    EXPECT_EQ(next_page(R"(<https://h/a?cursor=1>; rel="next")"), "https://h/a?cursor=1");
    EXPECT_EQ(next_page(R"(<https://h/0>; rel="prev", <https://h/2>; rel="next")"), "https://h/2");
    EXPECT_EQ(next_page(R"(<https://h/0>; rel="prev")"), "");
    EXPECT_EQ(next_page("nonsense"), "");
    EXPECT_EQ(next_page("<never closed"), "");
}

TEST(hub_tree, paths_are_written_as_urls_want_them) {
    EXPECT_EQ(url_path("a b/c#d?e%f\xC3\xA4"), "a%20b/c%23d%3Fe%25f%C3%A4");
}

}  // namespace
}  // namespace corral::pull
