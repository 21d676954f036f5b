#include "corral/package/file_kind.hpp"

#include <gtest/gtest.h>

#include "package/package_maker.hpp"

namespace corral::package {
namespace {

using namespace std::string_literals;

struct known_file {
    const char* what;
    std::string head;
    std::string name;
    file_kind kind;
};

TEST(file_kind, tells_what_is_in_the_place_of_a_file) {
    const std::vector<known_file> table = {
        {"nothing", "", "x.axmodel", file_kind::empty},
        {"a reserved file", std::string(4096, '\0'), "x.axmodel", file_kind::zeros},
        {"a program", "\x7F"s + "ELF\x02\x01\x01", "main", file_kind::elf},
        {"a pointer", tests::lfs_pointer_text(5), "x.axmodel", file_kind::lfs_pointer},
        {"the mirror's main_api_ax650", "Invalid username or password.", "main_api_ax650",
         file_kind::hub_error},
        {"the hub's not found", "Entry not found", "x.axmodel", file_kind::hub_error},
        {"a log-in page", "\n<!DOCTYPE html>\n<html lang=\"en\">", "x.bin", file_kind::html},
        {"a page with a mark", "\xEF\xBB\xBF<HTML>", "x.bin", file_kind::html},
        {"storage's error", "<?xml version=\"1.0\"?><Error><Code>AccessDenied</Code>", "x", file_kind::html},
        {"an API's error", "{\"error\":\"Repository not found\"}", "x.bin", file_kind::json},
        {"a list", "[ 1, 2]", "x", file_kind::json},
        {"a log line", "[I][ Init]: LLM init", "x", file_kind::text},
        {"a run script", "./main_api_ax650 \\\n", "run.sh", file_kind::text},
        {"a wrapper", "#!/bin/sh\nexec y", "x", file_kind::script},
        {"a story about errors", "Not Found\n" + std::string(400, 'x'), "x", file_kind::text},
        {"gguf", "GGUF\x03\0\0\0"s, "m.gguf", file_kind::gguf},
        {"rkllm", "\x52\x01\0\0rk"s, "m.rkllm", file_kind::rkllm},
        {"a zip", "PK\x03\x04\x14", "x.axmodel", file_kind::archive},
        {"a gzip", "\x1F\x8B\x08\0"s, "x", file_kind::archive},
        {"safetensors", "\x40\0\0\0\0\0\0\0{\"a\""s, "m", file_kind::safetensors},
        {"a model", "\x08\x01\x12\0\0\x90"s, "x.axmodel", file_kind::data},
    };
    for (const auto& one : table) {
        EXPECT_EQ(find_kind(one.head, one.name), one.kind) << one.what;
    }
}

TEST(lfs_pointer, tells_what_the_real_file_is) {
    const auto pointer = parse_lfs_pointer(tests::lfs_pointer_text(777'912'320));
    ASSERT_TRUE(pointer);
    EXPECT_EQ(pointer->size, 777'912'320U);
    const auto windows = parse_lfs_pointer("version https://git-lfs.github.com/spec/v1\r\nsize 12\r\n");
    ASSERT_TRUE(windows);
    EXPECT_EQ(windows->size, 12U);
    EXPECT_FALSE(parse_lfs_pointer("version 2"));
}

TEST(lfs_pointer, believes_no_size_that_is_none) {
    const std::string begin = "version https://git-lfs.github.com/spec/v1\nsize ";
    for (const char* size : {"-1", "99999999999999999999999", "12x", "", "1 2"}) {
        const auto pointer = parse_lfs_pointer(begin + size + "\n");
        ASSERT_TRUE(pointer);
        EXPECT_EQ(pointer->size, 0U) << size;
    }
}

TEST(size_words, are_those_of_a_download_page) {
    EXPECT_EQ(size_words(0), "0 bytes");
    EXPECT_EQ(size_words(1), "1 byte");
    EXPECT_EQ(size_words(132), "132 bytes");
    EXPECT_EQ(size_words(1000), "1.0 kB");
    EXPECT_EQ(size_words(999'999), "1.0 MB");
    EXPECT_EQ(size_words(777'912'320), "777.9 MB");
    EXPECT_EQ(size_words(5'100'000'000), "5.1 GB");
    EXPECT_EQ(size_words(UINT64_MAX), "18.4 EB");
}

}  // namespace
}  // namespace corral::package
