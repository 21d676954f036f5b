#include "cli/packages/import_report.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace corral::cli {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

package::file_group layers() {
    package::file_group of;
    of.variable = "layer_files";
    of.numbered = true;
    of.count = 36;
    of.whole = 33;
    of.faults = {{"LFS pointer", {"3", "17"}}, {"cut", {"20"}}};
    of.bytes_here = 33'000'000;
    of.bytes_all = 36'000'000;
    return of;
}

TEST(import_report, has_a_line_for_each_group_of_files) {
    package::file_group post;
    post.variable = "post_file";
    post.count = 1;
    post.whole = 1;
    post.bytes_here = post.bytes_all = 2'000'000;
    package::file_group embedding;
    embedding.variable = "embedding_file";
    embedding.count = 1;
    embedding.faults = {{"missing", {"e.bin"}}};
    EXPECT_EQ(group_lines({layers(), post, embedding}, false),
              "  36 layer files: 33 whole, 2 LFS pointers (3, 17), 1 cut (20); 33.0 MB of 36.0 MB\n"
              "  post file: whole; 2.0 MB\n"
              "  embedding file: missing\n");
}

TEST(import_report, names_the_first_numbers_or_all) {
    package::file_group of = layers();
    of.faults = {{"missing", {"0", "1", "2", "3", "4", "5", "6", "7", "8", "9"}}};
    EXPECT_NE(group_lines({of}, false).find("(0, 1, 2, 3, 4, 5, 6, 7, ...)"), std::string::npos);
    EXPECT_NE(group_lines({of}, true).find("7, 8, 9)"), std::string::npos);
}

catalog::finding finding_with(std::string id, std::string fix) {
    return {std::move(id), catalog::severity::error, {}, "It is wrong.", "So it is.", std::move(fix)};
}

TEST(import_report, collects_commands_once_and_with_sudo_where_it_is_needed) {
    import_plan plan;
    plan.findings = {
        finding_with("file.lfs-pointer", "Run: git -C /opt/m lfs pull"),
        finding_with("file.truncated", "Run: git -C /opt/m lfs pull"),
        finding_with("file.wrong-size", "Compare the numbers."),
        finding_with("script.module-missing",
                     "Run: python3 -m venv --system-site-packages /opt/p && /opt/p/bin/pip install "
                     "jinja2; then look at the model again")};
    const auto all = [](const std::filesystem::path&) { return true; };
    EXPECT_THAT(
        commands_of(plan, all),
        ElementsAre("git -C /opt/m lfs pull",
                    "python3 -m venv --system-site-packages /opt/p && /opt/p/bin/pip install jinja2"));
    const auto none = [](const std::filesystem::path&) { return false; };
    EXPECT_THAT(
        commands_of(plan, none),
        ElementsAre("sudo git -C /opt/m lfs pull",
                    "sudo python3 -m venv --system-site-packages /opt/p && sudo /opt/p/bin/pip install "
                    "jinja2"));
    const std::string lines = finding_lines(plan, false, {});
    EXPECT_EQ(lines.find("git -C"), std::string::npos) << "it is told once, below";
    EXPECT_NE(lines.find("fix: Compare the numbers."), std::string::npos);
    EXPECT_NE(lines.find("then look at the model again"), std::string::npos);
}

TEST(import_report, takes_no_part_of_a_name_for_the_end_of_a_command) {
    import_plan plan;
    plan.findings = {
        finding_with("file.html", "Run: git -C '/opt/it'\\''s && m' checkout -- 'x; then y.gguf'"),
        finding_with("file.empty", "Run: hf download a/b 'chmod +x /etc/x' --local-dir /opt/m"),
        finding_with("package.closed",
                     "Run: sudo mkdir -p /srv/models && sudo mv '/a; then b' /srv/models/; then import it "
                     "from there.")};
    std::vector<std::string> places;
    const auto none = [&](const std::filesystem::path& place) {
        places.push_back(place.string());
        return false;
    };
    EXPECT_THAT(commands_of(plan, none),
                ElementsAre("sudo git -C '/opt/it'\\''s && m' checkout -- 'x; then y.gguf'",
                            "sudo hf download a/b 'chmod +x /etc/x' --local-dir /opt/m",
                            "sudo mkdir -p /srv/models && sudo mv '/a; then b' /srv/models/"));
    EXPECT_THAT(places, ElementsAre("/opt/it's && m", "/opt/m"));
    const std::string lines = finding_lines(plan, false, {});
    EXPECT_EQ(lines.find("y.gguf"), std::string::npos);
    EXPECT_NE(lines.find("fix: what is below; then import it from there."), std::string::npos);
}

TEST(import_report, with_all_names_every_file_of_a_finding) {
    import_plan plan;
    plan.findings = {finding_with("file.empty", "")};
    plan.files["file.empty"] = {"a", "b"};
    EXPECT_EQ(finding_lines(plan, false, {}).find("    a\n"), std::string::npos);
    EXPECT_NE(finding_lines(plan, true, {}).find("    a\n    b\n"), std::string::npos);
}

TEST(hub_commands, are_for_names_of_a_hub_or_the_catalogue_only) {
    EXPECT_THAT(hub_commands("Org/Model-1.5"), ElementsAre("corral pull hf.co/Org/Model-1.5"));
    EXPECT_THAT(hub_commands("qwen3:4b"), ElementsAre("corral pull qwen3:4b"));
    EXPECT_THAT(hub_commands("https://huggingface.co/o/m/tree/main"), ElementsAre("corral pull hf.co/o/m"));
    EXPECT_THAT(hub_commands("https://www.modelscope.cn/models/o/m"),
                ElementsAre("modelscope download --model o/m --local_dir m", "corral import m"));
    for (const char* other :
         {"folder", "a b:c", "/opt/models", "./a/b", "a/b/c", "a/", "../b", "a/b;rm", "ftp://a/b"}) {
        EXPECT_THAT(hub_commands(other), IsEmpty()) << other;
    }
}

}  // namespace
}  // namespace corral::cli
