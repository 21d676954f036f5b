#include "package/files/library_search.hpp"

#include <cstring>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "catalog/temporary_folder.hpp"
#include "corral/process/elf_file.hpp"
#include "package/package_maker.hpp"
#include "process/elf_maker.hpp"

namespace corral::package {
namespace {

namespace fs = std::filesystem;
using tests::elf_wish;
using tests::make_elf;
using tests::temporary_folder;
using tests::write_text;

struct system_of_a_test {
    temporary_folder box;
    fs::path root = box.path() / "root";
    library_question question;

    explicit system_of_a_test(const elf_wish& program) {
        write_text(box.path() / "app/bin/program", make_elf(program));
        question.program = box.path() / "app/bin/program";
        question.machine = program.machine;
        question.working_directory = box.path() / "app";
        question.root = root;
    }
    void add(const std::string& path, elf_wish wish = {}) const {
        wish.padding = 10;
        write_text(root / path, make_elf(wish));
    }
    [[nodiscard]] std::string missing() const {
        std::string out;
        for (const auto& gap : missing_libraries(question)) {
            out += (out.empty() ? "" : " ") + gap.name;
        }
        return out;
    }
};

elf_wish needs(std::vector<std::string> names, const std::string& rpath = {},
               const std::string& runpath = {}) {
    return {EM_X86_64, ET_DYN, "/lib64/ld.so", std::move(names), rpath, runpath, 10};
}

TEST(library_search, finds_all_that_the_running_test_has_loaded) {
    library_question question;
    question.program = fs::canonical("/proc/self/exe");
    question.machine = process::machine_here();
    for (const auto& gap : missing_libraries(question)) {
        ADD_FAILURE() << gap.name;
    }
}

TEST(library_search, looks_into_the_default_folders_and_through_what_it_finds) {
    const system_of_a_test box(needs({"liba.so"}));
    EXPECT_EQ(box.missing(), "liba.so");
    box.add("usr/lib/x86_64-linux-gnu/liba.so", needs({"libb.so", "libc.so"}));
    EXPECT_EQ(box.missing(), "libb.so libc.so");
    box.add("lib/libb.so");
    box.add("lib64/libc.so", needs({"liba.so"}));  // in a circle
    EXPECT_EQ(box.missing(), "");
}

TEST(library_search, the_environment_counts_but_only_what_it_names) {
    system_of_a_test box(needs({"liba.so"}));
    box.add("usr/lib/axcl/liba.so");
    auto gaps = missing_libraries(box.question);
    ASSERT_EQ(gaps.size(), 1U);
    EXPECT_EQ(gaps[0].elsewhere, "/usr/lib/axcl");
    box.question.environment["LD_LIBRARY_PATH"] = "/nothing:/usr/lib/axcl";
    EXPECT_EQ(box.missing(), "");
}

TEST(library_search, folders_beside_the_program_by_origin) {
    system_of_a_test by_runpath(needs({"liba.so"}, "", "$ORIGIN/../lib"));
    EXPECT_EQ(by_runpath.missing(), "liba.so");
    write_text(by_runpath.box.path() / "app/lib/liba.so", make_elf({}));
    EXPECT_EQ(by_runpath.missing(), "");
    system_of_a_test by_rpath(needs({"liba.so"}, "${ORIGIN}"));
    write_text(by_rpath.box.path() / "app/bin/liba.so", make_elf({}));
    EXPECT_EQ(by_rpath.missing(), "");
}

TEST(library_search, a_rpath_is_inherited_and_a_runpath_is_not) {
    const system_of_a_test inherited(needs({"liba.so"}, "/own"));
    inherited.add("own/liba.so", needs({"libb.so"}));
    inherited.add("own/libb.so");
    EXPECT_EQ(inherited.missing(), "");
    const system_of_a_test alone(needs({"liba.so"}, "", "/own"));
    alone.add("own/liba.so", needs({"libb.so"}));
    alone.add("own/libb.so");
    EXPECT_EQ(alone.missing(), "libb.so");
}

TEST(library_search, goes_on_behind_a_library_of_another_machine) {
    const system_of_a_test box(needs({"liba.so"}));
    elf_wish foreign;
    foreign.machine = EM_AARCH64;
    box.add("lib/x86_64-linux-gnu/liba.so", foreign);
    const auto gaps = missing_libraries(box.question);
    ASSERT_EQ(gaps.size(), 1U);
    EXPECT_THAT(gaps[0].unusable, testing::EndsWith("x86_64-linux-gnu/liba.so"));
    box.add("usr/lib/liba.so");
    EXPECT_EQ(box.missing(), "");
}

TEST(library_search, takes_the_folders_of_ld_so_conf_where_there_is_no_cache) {
    const system_of_a_test box(needs({"liba.so", "libb.so"}));
    box.add("opt/one/liba.so");
    box.add("opt/two/libb.so");
    write_text(box.root / "etc/ld.so.conf", "# ours\ninclude /etc/ld.so.conf.d/*.conf\n");
    write_text(box.root / "etc/ld.so.conf.d/one.conf", "/opt/one  # the first\n");
    write_text(box.root / "etc/ld.so.conf.d/two.conf", "include ../ld.so.conf\n/opt/two\n");
    EXPECT_EQ(box.missing(), "");
}

// glibc's own layout: header of 48 bytes, entries of 24, texts counted from the header.
std::string cache_of(const std::vector<std::pair<std::string, std::string>>& entries, bool old_in_front) {
    std::string texts;
    std::string table;
    const auto number = [](std::uint32_t value) {
        return std::string(reinterpret_cast<const char*>(&value), sizeof value);
    };
    const auto begin = static_cast<std::uint32_t>(48 + entries.size() * 24);
    for (const auto& [name, path] : entries) {
        const auto key = begin + static_cast<std::uint32_t>(texts.size());
        texts += name + '\0';
        const auto value = begin + static_cast<std::uint32_t>(texts.size());
        texts += path + '\0';
        table += number(0x303) + number(key) + number(value) + std::string(12, '\0');
    }
    std::string out = "glibc-ld.so.cache1.1";
    out +=
        number(static_cast<std::uint32_t>(entries.size())) + number(static_cast<std::uint32_t>(texts.size()));
    out.resize(48, '\0');
    out += table + texts;
    if (!old_in_front) {
        return out;
    }
    std::string old = "ld.so-1.7.0";
    old += '\0';
    old += number(1) + std::string(12, '\x01');
    old.resize((old.size() + 7) / 8 * 8, '\0');
    return old + out;
}

TEST(library_search, believes_the_cache_where_the_file_is_really_there) {
    const system_of_a_test box(needs({"liba.so", "libb.so"}));
    box.add("opt/vendor/liba.so");
    write_text(box.root / "etc/ld.so.cache",
               cache_of({{"liba.so", "/opt/vendor/liba.so"}, {"libb.so", "/opt/vendor/libb.so"}}, false));
    EXPECT_EQ(box.missing(), "libb.so");
}

TEST(loader_cache, is_read_in_both_forms) {
    for (const bool old_in_front : {false, true}) {
        const auto index = parse_loader_cache(
            cache_of({{"libx.so.1", "/a/libx.so.1"}, {"liby.so", "/b/liby.so"}}, old_in_front));
        ASSERT_EQ(index.size(), 2U) << old_in_front;
        EXPECT_EQ(index.find("liby.so")->second, "/b/liby.so");
    }
}

TEST(loader_cache, no_cut_and_no_wrong_byte_makes_it_stumble) {
    const std::string whole = cache_of({{"libx.so.1", "/a/libx.so.1"}}, true);
    for (std::size_t length = 0; length < whole.size(); ++length) {
        EXPECT_LE(parse_loader_cache(whole.substr(0, length)).size(), 1U);
        std::string wrong = whole;
        wrong[length] = '\xFF';
        EXPECT_LE(parse_loader_cache(wrong).size(), 1U);
    }
}

TEST(loader_cache, knows_this_system) {
    const auto system = read_loader_configuration("/");
    EXPECT_FALSE(system.cache.empty() && system.folders.empty());
}

}  // namespace
}  // namespace corral::package
