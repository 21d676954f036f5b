#include <gmock/gmock.h>

#include "corral/pull/catalogue.hpp"

namespace corral::pull {
namespace {

catalogue_package package_for(box_kind kind, std::uint64_t memory_mb = 0, const std::string& host = {}) {
    catalogue_package out;
    out.boxes = {kind};
    out.memory_mb = memory_mb;
    if (!host.empty()) {
        out.hosts = {host};
    }
    return out;
}

catalogue_model model_of(const std::string& name, std::vector<catalogue_package> packages) {
    catalogue_model out;
    out.name = name;
    out.family = "qwen3";
    out.capabilities = {"completion", "tools"};
    out.packages = std::move(packages);
    return out;
}

const box pi_with_card{{box_kind::axcl, box_kind::cpu}, "aarch64", 8000, std::nullopt, std::nullopt};

TEST(catalogue_choice, takes_the_accelerator_before_the_cpu) {
    const auto model = model_of("m:4b", {package_for(box_kind::cpu), package_for(box_kind::axcl)});
    EXPECT_EQ(choose(model, pi_with_card).package, &model.packages[1]);
    const box plain{{box_kind::cpu}, "x86_64", std::nullopt, std::nullopt, std::nullopt};
    EXPECT_EQ(choose(model, plain).package, &model.packages[0]);
}

TEST(catalogue_choice, says_why_the_cpu_it_is) {
    const auto model = model_of("m:4b", {package_for(box_kind::cpu), package_for(box_kind::rk3588)});
    EXPECT_EQ(choose(model, pi_with_card).package, &model.packages[0]);
    EXPECT_EQ(choose(model, pi_with_card).remark, "there is none for an AXCL card, so the CPU computes it");
    const auto foreign =
        model_of("m:4b", {package_for(box_kind::cpu), package_for(box_kind::axcl, 0, "x86_64")});
    EXPECT_EQ(choose(foreign, pi_with_card).remark, "its package for an AXCL card needs a host of x86_64");
}

TEST(catalogue_choice, says_why_none_fits) {
    const auto board = model_of("m:4b", {package_for(box_kind::ax650), package_for(box_kind::rk3588)});
    const choice none = choose(board, pi_with_card);
    EXPECT_EQ(none.package, nullptr);
    EXPECT_EQ(none.reason,
              "this box is an AXCL card (aarch64) with 8 GB of memory, and m:4b has packages for an AX650 "
              "board, an RK3588");
    const auto large = model_of("m:14b", {package_for(box_kind::cpu, 16'800)});
    EXPECT_EQ(choose(large, pi_with_card).reason,
              "its package for a CPU needs 16.4 GB of memory, and there are 7.8 GB");
}

TEST(catalogue_choice, finds_names_as_ollama_does) {
    catalogue all;
    all.models = {model_of("Qwen3:4b", {package_for(box_kind::cpu)}),
                  model_of("qwen3:8b", {package_for(box_kind::ax650)})};
    all.models[1].aliases = {"qwen3:latest"};
    EXPECT_EQ(find_model(all, "qwen3:4B"), &all.models[0]);
    EXPECT_EQ(find_model(all, " qwen3 "), &all.models[1]);
    EXPECT_EQ(find_model(all, "a b"), nullptr);
    const choice unknown = choose(all, "qwen3:70b", pi_with_card);
    EXPECT_EQ(unknown.reason, "the catalogue has no model 'qwen3:70b'; for this box it has Qwen3:4b");
    EXPECT_EQ(choose(all, "x", pi_with_card).reason,
              "the catalogue has no model 'x'; 'corral search' lists those it has");
}

TEST(catalogue_choice, searches_in_names_families_and_capabilities) {
    const auto model = model_of("Qwen3:4b", {});
    EXPECT_TRUE(has_words(model, {}));
    EXPECT_TRUE(has_words(model, {"QWEN", "tools"}));
    EXPECT_FALSE(has_words(model, {"qwen", "vision"}));
}

}  // namespace
}  // namespace corral::pull
