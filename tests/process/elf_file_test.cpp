#include "corral/process/elf_file.hpp"

#include <cstring>

#include <elf.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "process/elf_maker.hpp"
#include "process/process_test_support.hpp"

namespace corral::process {

namespace {

std::string header_of(std::uint16_t machine) {
    Elf64_Ehdr header{};
    std::memcpy(header.e_ident, ELFMAG, SELFMAG);
    header.e_ident[EI_CLASS] = ELFCLASS64;
    header.e_ident[EI_DATA] = ELFDATA2LSB;
    header.e_type = ET_EXEC;
    header.e_machine = machine;
    return {reinterpret_cast<const char*>(&header), sizeof header};
}

TEST(elf, a_real_program_needs_no_more_bytes_than_it_has) {
    const auto content = read_file("/proc/self/exe", 1U << 30);
    ASSERT_TRUE(content);
    const auto elf = parse_elf(content->substr(0, 65536));
    ASSERT_TRUE(elf);
    EXPECT_EQ(elf->machine, machine_here());
    EXPECT_LE(elf->bytes_needed, content->size());
    EXPECT_TRUE(std::filesystem::exists(elf->loader)) << elf->loader;
}

// As an editor of programs leaves it that has moved the loader's path to the end of the file.
TEST(elf, a_loader_whose_path_lies_behind_the_head_is_one) {
    const auto content = read_file("/proc/self/exe", 1U << 30);
    ASSERT_TRUE(content);
    Elf64_Ehdr header{};
    std::memcpy(&header, content->data(), sizeof header);
    const auto elf =
        parse_elf(content->substr(0, header.e_phoff + std::size_t{header.e_phnum} * header.e_phentsize));
    ASSERT_TRUE(elf);
    EXPECT_TRUE(elf->has_loader);
    EXPECT_EQ(elf->loader, "");
}

TEST(elf, every_cut_of_a_header_is_noticed_and_none_is_read_beyond) {
    const auto content = read_file("/bin/true", 1U << 20);
    ASSERT_TRUE(content);
    for (std::size_t length = 0; length < 2048; ++length) {
        const std::string cut = content->substr(0, length);
        const auto elf = parse_elf(cut);
        EXPECT_TRUE(!elf || elf->bytes_needed > length) << length;
    }
}

TEST(elf, absurd_offsets_do_not_wrap_around) {
    Elf64_Ehdr header{};
    const std::string plain = header_of(machine_here());
    std::memcpy(&header, plain.data(), sizeof header);
    header.e_phoff = UINT64_MAX - 3;
    header.e_phnum = 2;
    header.e_phentsize = sizeof(Elf64_Phdr);
    const auto elf = parse_elf({reinterpret_cast<const char*>(&header), sizeof header});
    ASSERT_TRUE(elf);
    EXPECT_EQ(elf->bytes_needed, UINT64_MAX);
}

TEST(elf, names_machines) {
    EXPECT_EQ(machine_name(EM_AARCH64), "aarch64");
    EXPECT_EQ(machine_name(EM_X86_64), "x86-64");
    EXPECT_EQ(machine_name(4711), "machine 4711");
}

constexpr const char* aarch64_entry =
    "enabled\ninterpreter /usr/libexec/qemu-binfmt/aarch64-binfmt-P\nflags: POCF\noffset 0\n"
    "magic 7f454c460201010000000000000000000200b700\nmask ffffffffffffff00fffffffffffffffffeffffff\n";

TEST(binfmt, takes_only_what_an_enabled_handler_matches) {
    const scratch_folder folder;
    std::string head = header_of(EM_AARCH64);
    head[EI_VERSION] = 1;
    EXPECT_FALSE(has_binfmt_handler(head, folder.path())) << "not mounted";
    folder.write("status", "enabled\n");
    EXPECT_FALSE(has_binfmt_handler(head, folder.path())) << "no handler";
    folder.write("qemu-aarch64", aarch64_entry);
    EXPECT_TRUE(has_binfmt_handler(head, folder.path()));
    std::string shared = head;
    shared[16] = ET_DYN;  // the mask leaves this bit out
    EXPECT_TRUE(has_binfmt_handler(shared, folder.path()));
    std::string other = header_of(EM_RISCV);
    other[EI_VERSION] = 1;
    EXPECT_FALSE(has_binfmt_handler(other, folder.path()));
    EXPECT_FALSE(has_binfmt_handler("short", folder.path()));
    folder.write("qemu-aarch64", "dis" + std::string(aarch64_entry).substr(2));
    EXPECT_FALSE(has_binfmt_handler(head, folder.path())) << "this handler is off";
    folder.write("qemu-aarch64", aarch64_entry);
    folder.write("status", "disabled\n");
    EXPECT_FALSE(has_binfmt_handler(head, folder.path())) << "all are off";
}

}  // namespace

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
