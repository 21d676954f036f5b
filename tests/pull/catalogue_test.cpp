#include "corral/pull/catalogue.hpp"

#include <algorithm>
#include <fstream>
#include <set>
#include <sstream>

#include <gmock/gmock.h>

#include "catalog/temporary_folder.hpp"
#include "corral/chat/family.hpp"

namespace corral::pull {
namespace {

namespace fs = std::filesystem;

std::string model(const std::string& name, const std::string& more = {}) {
    return "[[models]]\nname = \"" + name +
           "\"\nfamily = \"qwen3\"\n[[models.packages]]\nboxes = [\"cpu\"]\nprofile = \"llama-server\"\n"
           "hub = \"o/r\"\nlicense = \"MIT\"\nfacts = \"a test\"\n" +
           more;
}

std::vector<std::string> problems_of(const std::string& text) {
    std::vector<std::string> out;
    for (const catalog::diagnostic& one : parse_catalogue(text, "a.toml").problems) {
        out.push_back(to_text(one));
    }
    return out;
}

TEST(catalogue, reads_a_model_with_its_packages) {
    const auto read =
        parse_catalogue(model("Qwen3",
                              "revision = \"abc\"\ninclude = [\"*.gguf\"]\nverified = true\nmemory_mb = 7\n"
                              "[[models.packages.files]]\npath = \"a/b.gguf\"\nbytes = 12\nsha256 = \"" +
                                  std::string(64, 'A') + "\"\n"),
                        "a.toml");
    ASSERT_THAT(read.problems, testing::IsEmpty());
    ASSERT_EQ(read.value.models.size(), 1U);
    const catalogue_model& one = read.value.models.front();
    EXPECT_EQ(one.name, "Qwen3:latest");
    ASSERT_EQ(one.packages.size(), 1U);
    const catalogue_package& package = one.packages.front();
    EXPECT_THAT(package.boxes, testing::ElementsAre(box_kind::cpu));
    EXPECT_EQ(package.source.kind, source_kind::hub);
    EXPECT_EQ(package.source.location, "o/r");
    EXPECT_EQ(package.source.revision, "abc");
    EXPECT_EQ(package.source.name, "Qwen3:latest");
    EXPECT_EQ(package.source.profile, "llama-server");
    EXPECT_THAT(package.source.files,
                testing::ElementsAre(expected_file{"a/b.gguf", 12U, std::string(64, 'a')}));
    EXPECT_TRUE(package.verified);
    EXPECT_EQ(package.memory_mb, 7U);
}

TEST(catalogue, names_the_field_and_the_line_of_each_mistake) {
    EXPECT_THAT(problems_of(model("a b")),
                testing::ElementsAre("a.toml:2:8: 'a b' is not a model name; write it as NAME:TAG"));
    EXPECT_THAT(
        problems_of(model("a", "[[models.packages.files]]\npath = \"../b\"\n")),
        testing::ElementsAre("a.toml:11:8: 'path' must stay within the package, which '../b' does not"));
    EXPECT_THAT(
        problems_of(model("a", "folder = \"https://x/\"\n")),
        testing::ElementsAre(testing::HasSubstr("a package needs one of 'hub', 'folder' and 'local'")));
    EXPECT_THAT(problems_of(model("a", "[[models.packages.files]]\npath = \"b\"\nsha256 = \"12\"\n")),
                testing::ElementsAre("a.toml:12:10: 'sha256' must be 64 hexadecimal digits"));
    EXPECT_THAT(problems_of(model("a") + model("A")),
                testing::ElementsAre(testing::HasSubstr("the name 'A:latest' is used twice")));
    EXPECT_THAT(problems_of(model("a", "hubb = 1\n")),
                testing::ElementsAre(testing::HasSubstr("did you mean 'hub'?")));
    const std::string bad_box =
        "[[models]]\nname = \"a\"\nfamily = \"f\"\n[[models.packages]]\nboxes = [\"gpu\"]\nprofile = \"p\"\n"
        "hub = \"../r\"\nlicense = \"l\"\nfacts = \"f\"\n";
    EXPECT_THAT(problems_of(bad_box),
                testing::ElementsAre(testing::HasSubstr("a.toml:5:10: 'boxes' must be one of ax650, axcl"),
                                     testing::HasSubstr("'hub' must be OWNER/REPOSITORY, not '../r'")));
    EXPECT_THAT(problems_of("models = 1"), testing::SizeIs(1));
}

TEST(catalogue, the_later_folder_wins_and_a_bad_file_takes_no_other_one_along) {
    const tests::temporary_folder folder;
    folder.write("shipped/a.toml", model("a") + model("b"));
    folder.write("own/a.toml", model("A", "quantization = \"q\"\n"));
    folder.write("own/bad.toml", "[[models]]\nname = \"c\"\n");
    folder.write("own/notes.txt", "not read");
    const auto read =
        read_catalogue({folder.path() / "shipped", folder.path() / "own", folder.path() / "absent"});
    ASSERT_EQ(read.value.models.size(), 2U);
    EXPECT_EQ(read.value.models[0].packages[0].quantization, "q");
    EXPECT_EQ(read.value.models[1].name, "b:latest");
    ASSERT_FALSE(read.problems.empty());
    EXPECT_EQ(read.problems.front().file, (folder.path() / "own/bad.toml").string());
}

// Without mistakes, of families and profiles that there are.
TEST(catalogue, that_is_shipped_is_whole) {
    const fs::path source = CORRAL_SOURCE_DIR;
    const auto read = read_catalogue({source / "share/catalogue"});
    for (const catalog::diagnostic& one : read.problems) {
        ADD_FAILURE() << to_text(one);
    }
    EXPECT_GE(read.value.models.size(), 15U);
    std::set<std::string> families;
    std::vector<std::string> sizes;
    for (const catalogue_model& one : read.value.models) {
        EXPECT_NE(chat::find_family(one.family), nullptr) << one.name;
        families.insert(one.family);
        if (one.family == "qwen3") {
            sizes.push_back(one.parameter_size);
        }
        EXPECT_FALSE(one.capabilities.empty()) << one.name;
        for (const catalogue_package& package : one.packages) {
            EXPECT_TRUE(fs::exists(source / "vendor" / package.source.profile / "profile.toml"))
                << package.source.profile;
            const auto hashed = [](const expected_file& file) { return file.size && !file.sha256.empty(); };
            EXPECT_TRUE(package.examined.empty() ||
                        (!package.source.files.empty() && std::ranges::all_of(package.source.files, hashed)))
                << one.name << " is said to be examined";
        }
    }
    EXPECT_GE(families.size(), 7U);
    EXPECT_THAT(sizes, testing::ElementsAre("0.6B", "1.7B", "4.0B", "8.2B", "14.8B")) << "the smallest first";
}

TEST(catalogue, the_example_of_its_page_is_one) {
    std::ifstream page(fs::path(CORRAL_SOURCE_DIR) / "docs/pull.md");
    std::ostringstream text;
    text << page.rdbuf();
    const std::string all = text.str();
    const auto begin = all.find("```toml\n", all.find("\n## The catalogue\n"));
    ASSERT_NE(begin, std::string::npos);
    const auto end = all.find("```", begin + 8);
    const auto read = parse_catalogue(all.substr(begin + 8, end - begin - 8), "docs/pull.md");
    for (const catalog::diagnostic& one : read.problems) {
        ADD_FAILURE() << to_text(one);
    }
    EXPECT_EQ(read.value.models.size(), 1U);
}

}  // namespace
}  // namespace corral::pull
