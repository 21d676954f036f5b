#include "engine/dialects/ax_poll/proof_store.hpp"

#include <unistd.h>

#include <fstream>
#include <string>

#include <gtest/gtest.h>

namespace corral::engine::ax_poll {
namespace {

namespace fs = std::filesystem;

class proof_store : public ::testing::Test {
protected:
    proof_store() {
        char name[] = "/tmp/corral_proofs_XXXXXX";
        folder = ::mkdtemp(name);
        fs::create_directories(folder / "kept");
    }
    ~proof_store() override { fs::remove_all(folder); }

    fs::path package(const std::string& name) const {
        const fs::path out = folder / name;
        fs::create_directories(out);
        std::ofstream(out / "layer.axmodel") << "rows";
        return out;
    }
    proof_place place(const fs::path& of) const {
        return proof_place_of(folder / "kept", of, {"./server", "--port", "{port}"});
    }
    std::size_t files() const {
        return static_cast<std::size_t>(
            std::distance(fs::directory_iterator(folder / "kept"), fs::directory_iterator()));
    }

    fs::path folder;
    const reuse_proof equal{reuse_proof::verdict::equal, "The same."};
};

TEST_F(proof_store, is_recalled_for_the_same_package_and_runtime_only) {
    const fs::path one = package("one");
    EXPECT_FALSE(recall_proof(place(one)));
    EXPECT_EQ(keep_proof(place(one), equal), "");
    ASSERT_TRUE(recall_proof(place(one)));
    EXPECT_EQ(recall_proof(place(one))->why, "The same.");
    EXPECT_FALSE(recall_proof(place(package("two"))));
    EXPECT_FALSE(recall_proof(proof_place_of(folder / "kept", one, {"./server", "--more"})));
}

TEST_F(proof_store, a_file_of_a_newer_version_is_not_read_and_stays) {
    const fs::path one = package("one");
    EXPECT_EQ(keep_proof(place(one), equal), "");
    std::string text;
    std::getline(std::ifstream(place(one).file), text, '\0');
    ASSERT_NE(text.find("\"format\": 1"), std::string::npos) << text;
    text.replace(text.find("\"format\": 1"), 11, "\"format\": 2");
    std::ofstream(place(one).file) << text;
    EXPECT_FALSE(recall_proof(place(one)));
    EXPECT_NE(keep_proof(place(one), equal).find("newer version of Corral"), std::string::npos);
    fs::remove_all(one);
    EXPECT_EQ(remove_stale_proofs(folder / "kept"), 0U);
    std::string after;
    std::getline(std::ifstream(place(one).file), after, '\0');
    EXPECT_EQ(after, text);
}

TEST_F(proof_store, a_package_that_changed_is_compared_anew_and_has_one_file) {
    const fs::path one = package("one");
    EXPECT_EQ(keep_proof(place(one), equal), "");
    std::ofstream(one / "layer.axmodel") << "other rows of another size";
    EXPECT_FALSE(recall_proof(place(one)));
    EXPECT_EQ(keep_proof(place(one), equal), "");
    EXPECT_TRUE(recall_proof(place(one)));
    EXPECT_EQ(files(), 1U);
}

TEST_F(proof_store, files_of_packages_that_are_gone_are_removed_and_nothing_else) {
    const fs::path one = package("one");
    const fs::path gone = package("gone");
    EXPECT_EQ(keep_proof(place(one), equal), "");
    EXPECT_EQ(keep_proof(place(gone), equal), "");
    for (const char* name : {"reuse-notes.json", "reuse-0123456789abcdef.json.bak", "other.json"}) {
        std::ofstream(folder / "kept" / name) << "somebody's";
    }
    EXPECT_EQ(remove_stale_proofs(folder / "kept"), 0U);
    fs::remove_all(gone);
    EXPECT_EQ(remove_stale_proofs(folder / "kept"), 1U);
    EXPECT_TRUE(recall_proof(place(one)));
    EXPECT_EQ(files(), 4U);
    EXPECT_EQ(remove_stale_proofs(folder / "nowhere"), 0U);
}

}  // namespace
}  // namespace corral::engine::ax_poll
