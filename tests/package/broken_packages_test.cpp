// Packages that are each broken in one way: every one gets one diagnosis, the right one, on one line.

#include <algorithm>
#include <fstream>
#include <random>
#include <set>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include "corral/package/package_check.hpp"
#include "package/broken_packages.hpp"

namespace corral::package {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;
using tests::way;
using tests::whole_package;

// Every name below `folder` with its size and times of change, to see that nobody wrote.
std::set<std::string> listing_of(const fs::path& folder) {
    std::set<std::string> out;
    for (const auto& one : fs::recursive_directory_iterator(folder)) {
        struct stat about {};
        EXPECT_EQ(::lstat(one.path().c_str(), &about), 0);
        out.insert(one.path().string() + " " + std::to_string(about.st_size) + " " +
                   std::to_string(about.st_mtim.tv_sec) + "." + std::to_string(about.st_mtim.tv_nsec));
    }
    return out;
}

bool is_one_line(const std::string& line) {
    return !line.empty() && line.size() < 1000 && std::none_of(line.begin(), line.end(), [](char letter) {
        const auto byte = static_cast<unsigned char>(letter);
        return byte < ' ' || byte == 0x7F;
    });
}

// The one line that a person reads, without the folder of this run.
std::string diagnose(const way& one) {
    whole_package hurt;
    one.hurt(hurt);
    const auto before = listing_of(hurt.box.path());
    const auto found = check_package(hurt.model, hurt.here);
    EXPECT_EQ(listing_of(hurt.box.path()), before) << one.what;
    EXPECT_EQ(found.size(), 1U) << one.what;
    if (found.empty()) {
        return {};
    }
    for (const auto& other : found) {
        EXPECT_EQ(other.id, one.id) << one.what << ": " << to_line(other);
    }
    const std::string line = to_line(found.front());
    EXPECT_EQ(found.front().level, one.level) << one.what << ": " << line;
    EXPECT_TRUE(is_one_line(line)) << line;
    EXPECT_TRUE(found.front().why.empty() || is_one_line(found.front().why)) << found.front().why;
    for (const char* word : one.words) {
        EXPECT_THAT(line, HasSubstr(word)) << one.what;
    }
    EXPECT_FALSE(found.front().fix.empty()) << one.what << " has no way out: " << line;
    return tests::replaced(line, hurt.box.path().string(), "");
}

TEST(broken_packages, the_whole_one_is_not_complained_about) {
    whole_package good;
    for (const auto& one : check_package(good.model, good.here)) {
        ADD_FAILURE() << one.id << ": " << to_line(one);
    }
}

TEST(broken_packages, each_gets_a_diagnosis_of_its_own) {
    std::set<std::string> lines;
    std::size_t ways = 0;
    for (const auto* part :
         {&tests::folder_ways(), &tests::data_ways(), &tests::program_ways(), &tests::script_ways()}) {
        for (const way& one : *part) {
            const std::string line = diagnose(one);
            EXPECT_TRUE(lines.insert(line).second) << one.what << " is told as another: " << line;
            ++ways;
        }
    }
    EXPECT_GE(ways, 40U);
    for (const auto& line : lines) {
        std::printf("  %s\n", line.c_str());
    }
}

std::string noise(std::mt19937& dice, std::size_t size) {
    std::string out(size, '\0');
    std::generate(out.begin(), out.end(), [&] { return static_cast<char>(dice() & 0xFFU); });
    return out;
}

// One file, damaged somehow.
void damage(const fs::path& file, std::mt19937& dice) {
    const auto size = fs::file_size(file);
    switch (dice() % 5) {
        case 0:
            fs::resize_file(file, size == 0 ? 1 : dice() % size);
            break;
        case 1: {
            std::fstream out(file, std::ios::binary | std::ios::in | std::ios::out);
            const std::string bytes = noise(dice, 16);
            out.seekp(static_cast<std::streamoff>(dice() % 300));
            out.write(bytes.data(), 16);
            break;
        }
        case 2:
            tests::write_text(file, noise(dice, dice() % 5000));
            break;
        case 3:
            fs::remove(file);
            fs::create_symlink(file.filename(), file);  // to itself
            break;
        default:
            fs::remove(file);
            fs::create_directory(file);
            break;
    }
}

TEST(broken_packages, whatever_the_damage_it_is_told_on_single_lines) {
    std::mt19937 dice(20251120);
    for (int round = 0; round < 60; ++round) {
        whole_package hurt;
        std::vector<fs::path> files;
        for (const auto& one : fs::recursive_directory_iterator(hurt.folder)) {
            if (one.is_regular_file()) {
                files.push_back(one.path());
            }
        }
        std::sort(files.begin(), files.end());
        for (int i = 0; i < 3; ++i) {
            const fs::path& file = files[dice() % files.size()];
            if (fs::is_regular_file(fs::symlink_status(file))) {
                damage(file, dice);
            }
        }
        const auto before = listing_of(hurt.box.path());
        for (const auto& one : check_package(hurt.model, hurt.here)) {
            EXPECT_TRUE(is_one_line(to_line(one))) << to_line(one);
        }
        EXPECT_EQ(listing_of(hurt.box.path()), before);
    }
}

}  // namespace
}  // namespace corral::package
