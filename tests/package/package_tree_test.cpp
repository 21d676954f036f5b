#include "corral/package/package_tree.hpp"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include "catalog/temporary_folder.hpp"
#include "package/package_maker.hpp"

namespace corral::package {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::HasSubstr;
using tests::temporary_folder;

package_tree open_tree(const fs::path& folder, tree_limits limits = {}) {
    auto tree = package_tree::open(folder, limits);
    EXPECT_TRUE(tree) << (tree ? std::string() : tree.error().message.text());
    return *tree;
}

std::vector<std::string> paths_in(const package_tree& tree) {
    std::vector<std::string> out;
    for (const auto& one : tree.entries()) {
        out.push_back(one.path);
    }
    return out;
}

TEST(package_tree, shows_what_is_inside_with_sizes) {
    const temporary_folder box;
    box.write("p/model/a.axmodel", "12345");
    box.write("p/run.sh", "x");
    fs::permissions(box.path() / "p/run.sh", fs::perms::owner_all);
    const auto tree = open_tree(box.path() / "p");
    EXPECT_THAT(paths_in(tree), ElementsAre("model", "model/a.axmodel", "run.sh"));
    EXPECT_EQ(tree.look("./model//a.axmodel").size, 5U);
    EXPECT_FALSE(tree.look("model/a.axmodel").executable);
    EXPECT_TRUE(tree.look("run.sh").executable);
    EXPECT_EQ(tree.look("model").kind, node_kind::folder);
    EXPECT_EQ(tree.look("nothing").kind, node_kind::missing);
    EXPECT_EQ(*tree.read("model/a.axmodel", 3, 1), "234");
    EXPECT_EQ(*tree.read("model/a.axmodel", 100), "12345");
    EXPECT_TRUE(tree.findings().empty());
}

TEST(package_tree, a_link_may_lead_to_anything_inside_and_to_nothing_else) {
    const temporary_folder box;
    box.write("secret", "keep out");
    box.write("p/real", "inside");
    fs::create_symlink("real", box.path() / "p/near");
    fs::create_symlink("../secret", box.path() / "p/far");
    fs::create_symlink("/etc/passwd", box.path() / "p/farther");
    fs::create_directory_symlink("..", box.path() / "p/up");
    fs::create_symlink("nowhere", box.path() / "p/dangling");
    fs::create_symlink("circle", box.path() / "p/circle");
    const auto tree = open_tree(box.path() / "p");
    EXPECT_EQ(*tree.read("near", 100), "inside");
    for (const char* name : {"far", "farther", "up/secret", "up/p/real/../../secret"}) {
        EXPECT_FALSE(tree.read(name, 100)) << name;
    }
    EXPECT_EQ(tree.look("far").kind, node_kind::outside);
    EXPECT_THAT(tree.look("far").why, HasSubstr("/secret"));
    EXPECT_EQ(tree.look("up/secret").kind, node_kind::outside);
    // Round about, but it ends inside.
    EXPECT_EQ(tree.look("up/p/real").kind, node_kind::file);
    EXPECT_EQ(tree.look("dangling").kind, node_kind::broken_link);
    EXPECT_EQ(tree.look("circle").kind, node_kind::broken_link);
    ASSERT_EQ(tree.findings().size(), 1U);
    EXPECT_EQ(tree.findings()[0].id, "tree.link-outside");
}

TEST(package_tree, a_sibling_whose_name_begins_alike_is_outside) {
    const temporary_folder box;
    box.write("p/own", "1");
    box.write("p2/other", "2");
    fs::create_symlink("../p2/other", box.path() / "p/link");
    EXPECT_EQ(open_tree(box.path() / "p").look("link").kind, node_kind::outside);
}

TEST(package_tree, a_hub_snapshot_is_links_into_its_own_blobs) {
    const temporary_folder box;
    box.write("models--A--B/blobs/0123", "weights");
    box.write("models--A--B/blobs/deep/4567", "not where a hub puts files");
    box.write("models--A--B/refs/main", "rev");
    box.write("models--C--D/blobs/89ab", "of another repository");
    const fs::path snapshot = box.path() / "models--A--B/snapshots/rev";
    fs::create_directories(snapshot / "model");
    fs::create_symlink("../../blobs/0123", snapshot / "x.axmodel");
    fs::create_symlink("../../../blobs/0123", snapshot / "model/y.axmodel");
    fs::create_symlink("../../blobs/deep/4567", snapshot / "deep");
    fs::create_symlink("../../refs/main", snapshot / "ref");
    fs::create_symlink("../../../models--C--D/blobs/89ab", snapshot / "foreign");
    const auto tree = open_tree(snapshot);
    EXPECT_EQ(*tree.read("x.axmodel", 100), "weights");
    EXPECT_EQ(*tree.read("model/y.axmodel", 100), "weights");
    EXPECT_EQ(tree.look("deep").kind, node_kind::outside);
    EXPECT_EQ(tree.look("ref").kind, node_kind::outside);
    EXPECT_EQ(tree.look("foreign").kind, node_kind::outside);
    EXPECT_EQ(*open_tree(snapshot / "model").read("y.axmodel", 100), "weights");
}

TEST(package_tree, opens_nothing_but_plain_files) {
    const temporary_folder box;
    fs::create_directories(box.path() / "p");
    ASSERT_EQ(::mkfifo((box.path() / "p/pipe").c_str(), 0600), 0);
    const auto tree = open_tree(box.path() / "p");
    // A plain open() would wait here for somebody to write.
    EXPECT_FALSE(tree.read("pipe", 10));
    EXPECT_EQ(tree.look("pipe").kind, node_kind::special);
    ASSERT_EQ(tree.findings().size(), 1U);
    EXPECT_EQ(tree.findings()[0].id, "tree.special-file");
}

TEST(package_tree, names_that_lead_out_are_refused_with_a_reason) {
    EXPECT_EQ(*tidy_name("./a//b/."), "a/b");
    EXPECT_EQ(*tidy_name("a..b/...c"), "a..b/...c");
    EXPECT_THAT(tidy_name("a/../../b").error().message, HasSubstr("leads out"));
    EXPECT_THAT(tidy_name("/etc/passwd").error().message, HasSubstr("absolute"));
    EXPECT_THAT(tidy_name(std::string(256, 'x')).error().message, HasSubstr("longer"));
    EXPECT_THAT(tidy_name("a/" + std::string(5000, '/')).error().message, HasSubstr("longer"));
    EXPECT_THAT(tidy_name("a\nb").error().message, HasSubstr("control"));
    EXPECT_THAT(tidy_name(std::string("a\0b", 3)).error().message, HasSubstr("control"));
    EXPECT_FALSE(tidy_name(""));
}

TEST(package_tree, has_bounds) {
    const temporary_folder box;
    for (int i = 0; i < 20; ++i) {
        box.write("p/f" + std::to_string(i), "");
    }
    box.write("p/a/b/c/d", "");
    const auto few = open_tree(box.path() / "p", {10, 8});
    EXPECT_EQ(few.entries().size(), 10U);
    EXPECT_EQ(few.findings().at(0).id, "tree.too-many");
    const auto flat = open_tree(box.path() / "p", {1000, 1});
    EXPECT_EQ(flat.look("a/b/c/d").kind, node_kind::file);
    EXPECT_EQ(flat.findings().at(0).id, "tree.too-deep");
    EXPECT_THAT(paths_in(flat), testing::Not(testing::Contains("a/b/c")));
}

TEST(package_tree, does_not_enter_what_is_no_model) {
    const temporary_folder box;
    box.write("p/.git/objects/ab/cd", "");
    box.write("p/venv/pyvenv.cfg", "");
    box.write("p/venv/lib/x.py", "");
    box.write("p/.cache/huggingface/download/x.incomplete", "");
    EXPECT_THAT(paths_in(open_tree(box.path() / "p")),
                ElementsAre(".cache", ".cache/huggingface", ".cache/huggingface/download",
                            ".cache/huggingface/download/x.incomplete", ".git", "venv"));
}

TEST(package_tree, says_why_a_folder_can_not_be_opened) {
    const temporary_folder box;
    box.write("file", "");
    EXPECT_EQ(package_tree::open(box.path() / "nothing").error().code.value(), ENOENT);
    EXPECT_EQ(package_tree::open(box.path() / "file").error().code.value(), ENOTDIR);
    fs::create_directory_symlink("real", box.path() / "link");
    fs::create_directory(box.path() / "real");
    EXPECT_TRUE(package_tree::open(box.path() / "link"));
}

TEST(package_tree, knows_what_was_never_written) {
    const temporary_folder box;
    box.write("whole", "12345");
    tests::write_large(box.path() / "sparse", 1'000'000);
    tests::write_large(box.path() / "reserved", 1000);
    fs::resize_file(box.path() / "reserved", 1'000'000);
    const auto tree = open_tree(box.path());
    EXPECT_FALSE(tree.ends_in_hole("whole"));
    EXPECT_FALSE(tree.ends_in_hole("sparse"));
    EXPECT_TRUE(tree.ends_in_hole("reserved"));
    EXPECT_LT(tree.look("reserved").allocated, 100'000U);
}

TEST(shown, is_one_line_that_a_terminal_can_bear) {
    EXPECT_EQ(shown("Qwen3 \xE6\xA8\xA1.py"), "Qwen3 \xE6\xA8\xA1.py");
    EXPECT_EQ(shown("a\nb\x1B[31m"), "a\\x0Ab\\x1B[31m");
    EXPECT_EQ(shown("\xFF\xC0\x80"), "\\xFF\\xC0\\x80");
    EXPECT_EQ(shown("x\xE2\x80\xAEy"), "x\\xE2\\x80\\xAEy");  // right-to-left override
    std::string many(500, 'a');
    many += "end";
    const std::string cut = shown(many, 40);
    EXPECT_LE(cut.size(), 40U);
    EXPECT_TRUE(cut.ends_with("end"));
    EXPECT_THAT(cut, HasSubstr("..."));
}

}  // namespace
}  // namespace corral::package
