#include "corral/process/elf_dynamic.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "corral/process/elf_file.hpp"
#include "process/elf_maker.hpp"
#include "process/process_test_support.hpp"

namespace corral::process {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::StartsWith;

// Of a text; counts what was asked for.
byte_source source_of(const std::string& bytes, std::size_t* asked = nullptr) {
    return [bytes, asked](std::uint64_t offset, std::size_t most) -> std::optional<std::string> {
        if (asked != nullptr) {
            *asked += most;
        }
        return offset >= bytes.size() ? std::string() : bytes.substr(static_cast<std::size_t>(offset), most);
    };
}

TEST(elf_dynamic, tells_what_a_real_program_needs) {
    const auto content = read_file("/proc/self/exe", 1U << 30);
    ASSERT_TRUE(content);
    std::size_t asked = 0;
    const auto found = read_dynamic(source_of(*content, &asked));
    ASSERT_TRUE(found);
    EXPECT_THAT(found->needed, Contains(StartsWith("libc.so")));
    EXPECT_LE(asked, 64U * 1024);
}

TEST(elf_dynamic, reads_both_search_paths) {
    const auto found = read_dynamic(source_of(tests::make_elf({.machine = EM_AARCH64,
                                                               .needed = {"liba.so.1", "libb.so"},
                                                               .rpath = "/r",
                                                               .runpath = "$ORIGIN/../lib"})));
    ASSERT_TRUE(found);
    EXPECT_THAT(found->needed, ElementsAre("liba.so.1", "libb.so"));
    EXPECT_EQ(found->rpath, "/r");
    EXPECT_EQ(found->runpath, "$ORIGIN/../lib");
}

TEST(elf_dynamic, a_file_that_is_cut_off_is_not_believed) {
    const std::string whole =
        tests::make_elf({.needed = {"liba.so.1", "libb.so"}, .runpath = "/x", .padding = 0});
    ASSERT_TRUE(read_dynamic(source_of(whole)));
    for (std::size_t length = 0; length < whole.size(); ++length) {
        EXPECT_FALSE(read_dynamic(source_of(whole.substr(0, length)))) << length;
    }
}

TEST(elf_dynamic, no_byte_of_a_header_makes_it_stumble) {
    const std::string whole =
        tests::make_elf({.loader = "/lib/ld.so", .needed = {"liba.so.1"}, .padding = 0});
    for (std::size_t place = 0; place < whole.size(); ++place) {
        for (const char value : {'\0', '\x7F', '\xFF'}) {
            std::string wrong = whole;
            wrong[place] = value;
            std::size_t asked = 0;
            const auto found = read_dynamic(source_of(wrong, &asked));
            EXPECT_LE(asked, 64U * 1024) << place;
            EXPECT_TRUE(!found || found->needed.size() <= 64);
        }
    }
}

}  // namespace
}  // namespace corral::process
