#pragma once
// From the names of folders and files to the name of a model: "Qwen3-4B" is qwen3:4b. Only names are looked
// at, by one table of model lines.

#include <string>
#include <string_view>
#include <vector>

namespace corral::package {

struct naming_hint {
    std::string text;   // "qwen3-4b-ax650"
    std::string where;  // for people: "the folder's name"
};

struct model_naming {
    std::string name;            // Ollama's form with tag, "qwen3:4b"; empty: nothing fits
    std::string name_from;       // where it was read
    std::string family;          // of configurations (docs/manifests.md); empty: not known
    std::string family_from;     //
    std::string parameter_size;  // "4B"; empty: not said
    std::string quantization;    // as the package says it, "int8"; empty: not said
    std::string quantization_from;
};

// The first hint that names a known line gives the name, the first that holds a size ("4b", "360m") the tag.
[[nodiscard]] model_naming name_model(const std::vector<naming_hint>& hints);

// "text" made a valid name with tag ("My Model!" -> "my-model:latest"); "model:latest" where nothing is left.
[[nodiscard]] std::string name_of_folder(std::string_view text);

}  // namespace corral::package
