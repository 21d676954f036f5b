#include "pull/file_plan.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace corral::pull {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

source_file one(std::string path, std::uint64_t size = 3) {
    return {std::move(path), size, std::string(64, 'a'), {}};
}

std::string problem(std::vector<source_file> files, const package_source& source = {}) {
    const auto plan = plan_files(source, std::move(files));
    return plan ? std::string() : plan.error().message.text();
}

TEST(file_plan, holds_what_is_wanted_sorted_and_without_gits_own) {
    package_source source;
    source.include = {"*.bin", "config.?son"};
    const auto plan = plan_files(source, {one("z.bin", 5), one("model/a.bin", 7), one("config.json"),
                                          one("read.me"), one(".gitattributes")});
    ASSERT_TRUE(plan);
    std::vector<std::string> names;
    for (const source_file& file : plan->files) {
        names.push_back(file.path);
    }
    EXPECT_THAT(names, ElementsAre("config.json", "model/a.bin", "z.bin"));
    EXPECT_EQ(plan->bytes, 15U);
    EXPECT_TRUE(plan->complete);
}

TEST(file_plan, refuses_names_that_lead_out_or_are_none) {
    for (const char* const bad : {"../a", "a/../b", "/a", "", "a//b", "./a", "a/", "a\nb", "a\x7f", "\xff",
                                  ".corral-pull.json", "a/b/c/d/e/f/g/h/i/j"}) {
        EXPECT_THAT(problem({one(bad)}), HasSubstr("is refused")) << bad;
    }
    EXPECT_THAT(problem({one(std::string("a\0b", 3))}), HasSubstr("is refused"));
    EXPECT_THAT(problem({one(std::string(300, 'x'))}), HasSubstr("is refused"));
    EXPECT_EQ(problem({one("a b/c\xC3\xA4.bin")}), "");
}

TEST(file_plan, refuses_names_that_are_one_name_on_some_disk) {
    EXPECT_THAT(problem({one("a"), one("a")}), HasSubstr("listed twice"));
    EXPECT_THAT(problem({one("a"), one("A")}), HasSubstr("case of letters"));
    EXPECT_THAT(problem({one("a"), one("A/b")}), HasSubstr("is a file too"));
}

TEST(file_plan, has_bounds) {
    std::vector<source_file> many;
    for (int i = 0; i < 10'001; ++i) {
        many.push_back(one(std::to_string(i)));
    }
    EXPECT_THAT(problem(many), HasSubstr("more than 10000 files"));
    many.pop_back();
    EXPECT_EQ(problem(many), "");
    EXPECT_THAT(problem({one("a", UINT64_MAX), one("b", UINT64_MAX)}), HasSubstr("larger than 4 TB"));
    EXPECT_THAT(problem({}), HasSubstr("no file that is wanted"));
}

TEST(file_plan, holds_the_source_against_the_catalogue) {
    package_source source;
    source.files = {{"a", 3, std::string(64, 'A')}};
    EXPECT_EQ(problem({one("a"), one("b")}, source), "");
    EXPECT_THAT(problem({one("a", 4)}, source), HasSubstr("another size"));
    source.files[0].sha256 = std::string(64, 'b');
    EXPECT_THAT(problem({one("a")}, source), HasSubstr("another checksum"));
    EXPECT_THAT(problem({one("b")}, source), HasSubstr("has no file 'a'"));
}

TEST(patterns, have_stars_that_go_over_folders) {
    EXPECT_TRUE(fits_pattern("*", "a/b"));
    EXPECT_TRUE(fits_pattern("a*c?e", "a/b/cde"));
    EXPECT_TRUE(fits_pattern("*Q4*.gguf", "x-Q4_K_M.gguf"));
    EXPECT_FALSE(fits_pattern("*.gguf", "x.gguf.part"));
    EXPECT_FALSE(fits_pattern("", "a"));
    EXPECT_FALSE(fits_pattern("a?", "a"));
    EXPECT_TRUE(fits_pattern("**a**", "bab"));
}

TEST(plan_digests, follow_names_and_checksums) {
    const auto digest = [](const char* path) { return plan_digest(*plan_files({}, {one(path)})); };
    EXPECT_EQ(digest("a"), digest("a"));
    EXPECT_NE(digest("a"), digest("b"));
    EXPECT_EQ(digest("a").size(), 64U);
}

}  // namespace
}  // namespace corral::pull
