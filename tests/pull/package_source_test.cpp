#include "corral/pull/package_source.hpp"

#include <gtest/gtest.h>

namespace corral::pull {
namespace {

TEST(package_sources, are_read_as_people_type_them) {
    const auto hub = parse_source("hf.co/AXERA-TECH/Qwen3-4B");
    ASSERT_TRUE(hub);
    EXPECT_EQ(hub->location, "AXERA-TECH/Qwen3-4B");
    EXPECT_EQ(hub->revision, "main");
    EXPECT_EQ(source_text(*hub), "hf.co/AXERA-TECH/Qwen3-4B");
    EXPECT_EQ(folder_name(*hub), "Qwen3-4B");
    EXPECT_EQ(parse_source("https://huggingface.co/o/r/:v1/x")->revision, "v1/x");
    const auto web = parse_source("https://h.example/a/b");
    EXPECT_EQ(web->location, "https://h.example/a/b/");
    EXPECT_EQ(folder_name(*web), "b");
    const auto local = parse_source("file:///media/stick/q/");
    EXPECT_EQ(local->location, "/media/stick/q");
    EXPECT_EQ(source_text(*local), "file:///media/stick/q");
}

TEST(package_sources, that_are_none_say_why_and_names_are_for_the_catalogue) {
    for (const char* const bad :
         {"hf.co/", "hf.co/a", "hf.co/a/b/c", "hf.co/../b", "hf.co/a/..", "hf.co/a/b:", "hf.co/a/b:../x",
          "hf.co/a/b:-x", "hf.co/a b/c", "https://", "https:///x", "https://u@h/", "https://h/?q",
          "https://h/ x", "file://relative", "file://", "ftp://h/a", "hf://o/r"}) {
        const auto read = parse_source(bad);
        ASSERT_FALSE(read) << bad;
        EXPECT_EQ(read.error().code, core::make_error_code(core::errc::invalid)) << bad;
    }
    for (const char* const name : {"qwen3:4b", "llama3", "", "a/b"}) {
        EXPECT_EQ(parse_source(name).error().code, core::make_error_code(core::errc::not_found)) << name;
    }
}

TEST(package_sources, have_safe_folders) {
    package_source source;
    for (const auto& [location, folder] : {std::pair{"https://h/..", "package.."},
                                           {"https://h/a%20b", "a_20b"},
                                           {"https://h/-x", "package-x"}}) {
        source.location = location;
        EXPECT_EQ(folder_name(source), folder);
    }
}

}  // namespace
}  // namespace corral::pull
