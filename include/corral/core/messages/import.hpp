#pragma once

#include <array>

#include "corral/core/message.hpp"

namespace corral::core::messages {

inline constexpr auto import_reader = message_reader::operators;

// Findings (catalog::finding_of). What a message means is why the finding matters, unless the check says otherwise.
inline constexpr std::array import_table{
    message{"package.signature", import_reader,
            "The signature '{file}' is refused: {why}.\n"
            "again| Fetch the package again from its maker. {keys}\n"
            "keys| Put the maker's key into {folder}: a keyring as NAME.gpg (gpg --export), or a key of "
            "minisign as NAME.pub.",
            "The list of checksums may not be the maker's.",
            "Fetch the package again from its maker, and check that the key is theirs."},
    message{"package.unsigned", import_reader,
            "unchecked| The signature '{file}' was not checked: {why}.\n"
            "none| The package has no signed list of checksums.\n"
            "required| A signature is required here ([import] require_signature, or --require-signature).",
            "Who made the list of checksums is not known.",
            "Ask its maker for SHA256SUMS and its signature, SHA256SUMS.asc or SHA256SUMS.minisig."},
    message{"package.list", import_reader,
            "{what}\n"
            "changed| SHA256SUMS changed while it was read.\n"
            "unusable| SHA256SUMS can't be used: {why}.\n"
            "written| Another process is writing into the folder.\n"
            "wait| Wait until the package is complete.\n"
            "read| Let this user read it, or fetch it again.",
            "What the package holds can't be compared.",
            "Fetch SHA256SUMS again; a package without one is imported unchecked."},
    message{"package.unknown", import_reader,
            "of| {what}\n"
            "{folder} is not a package that Corral knows.\n"
            "inside| There is a package inside; try: corral import {folder}",
            "Known are Axera packages (*.axmodel with scripts), axllm, hailo-ollama, RKLLM, GGUF, MindIE and "
            "safetensors folders.",
            "Name the folder that holds the model files and the run scripts."},
    message{"package.unreadable", import_reader,
            "{what}\n"
            "file| This is a file. Unpack it and name the resulting folder.\n"
            "model| Name the folder that holds it.\n"
            "model-in| Name the folder that holds it: corral import {folder}",
            "Nothing could be read.", "Check the folder's name and its permissions."},
    message{"package.not-served", import_reader, "This is {kind}, which no profile of Corral serves.",
            "Without a profile Corral can't start its server.",
            "Take a package of the same model that Corral serves."},
    message{"package.profile-missing", import_reader,
            "This is {kind}; it needs the profile '{profile}', which is not installed.\n"
            "put| Put {profile}/profile.toml into a folder of 'profiles' (docs/configuration.md), or pass "
            "--profile with an installed one.",
            "Without a profile Corral can't start its server.", "Install the profile, or name another."},
    message{"package.note", import_reader,
            "{what}\n"
            "of| {file} was chosen from the {count:d} models in this folder.",
            "Something of the package that is worth knowing.",
            "For another write its name into the manifest, or give it a folder of its own."},
    message{"package.no-server-program", import_reader,
            "The package has no {program}, the server for this machine{other}.\n"
            "machine| There is no server of this kind for this machine.\n"
            "programs| The vendor's programs are for aarch64 and x86-64.\n"
            "copy| Copy {program} from another package of the same generation, such as Qwen3-4B, to {path} "
            "and chmod +x it.",
            "Its console programs (main_* without api) answer no requests.",
            "Use the package on such a machine."},
    message{"package.no-tokenizer", import_reader, "The package has no tokenizer service (*{ending}).",
            "The server asks it for every prompt and every piece of text.",
            "Take the script from the vendor's package of the same model."},
    message{"package.old-tokenizer", import_reader,
            "This is {kind}: {file} is an older tokenizer without identities, which the polling server can't "
            "use.",
            "The server asks /get_uid first; such a service answers 'error', and the start ends.",
            "Take the vendor's newer package of this model, with *_tokenizer_uid.py and main_api_*."},
    message{"package.no-layers", import_reader, "The package has no numbered layer files (*_l0*.axmodel).",
            "They are the model; the package is not downloaded to its end.", "Download the package again."},
    message{"package.incomplete", import_reader,
            "Not found in the package: {what}.\n"
            "pulled| Not found in the package: a model that was pulled (models/blob).\n"
            "own-name| Not found in the package: its own name, which must be hailo-ollama.\n"
            "why-pulled| The server's own manifests name what can be had, and none of it is there.\n"
            "why-name| The server looks for a folder of that name, and finds no other.\n"
            "do-pull| Have the server pull one: run 'hailo-ollama', then curl http://127.0.0.1:8000/api/pull "
            "-d '{{\"model\": \"qwen2.5-instruct:1.5b\"}}'.\n"
            "do-name| Rename the folder, or link it by that name.",
            "There is no run script that says it either.",
            "Download the package again with its run scripts, or fill the key in by hand."},
    message{"script.not-readable", import_reader, "The run script {file} was not used: {why}.",
            "Corral reads scripts and does not run them.",
            "Compare the manifest with the script, and edit the manifest where they differ."},
    message{"script.unknown-option", import_reader,
            "The option {option} in {file} is none of the server's; it is left out of the manifest.",
            "The server ends at an option that it does not know.",
            "Take it out of the script too where that is run by hand."},
    message{"script.number", import_reader,
            "{option} is '{value}' in {file}, but {what} is from {least:d} to {most:d}.\n"
            "cards| {option} is '{value}' in {file}, which is not a list of cards such as 0 or 0,1.\n"
            "end| The server would end at once.\n"
            "do-cards| Correct the script and import again, or remove the word there.",
            "The server would refuse it, or ask for memory that no machine has.",
            "Compare it with the vendor's own package; correct the script and import again."},
    message{"script.path", import_reader, "{option} names '{value}' in {file}: {why}.",
            "A package's files are inside its folder; Corral follows nothing out of it.",
            "Compare it with the vendor's own package; correct the script and import again."},
    message{"script.pattern", import_reader,
            "{option} is '{value}' in {file}, which has not exactly one %d.\n"
            "percent| {option} is '{value}' in {file}, a file's name with a % in it.",
            "The server puts the number of each layer in the place of %d.",
            "Compare it with the vendor's own package; correct the script and import again."},
    message{"config.number", import_reader,
            "axmodel_num in config.json is '{value}', but the number of layers is from 1 to 1000.",
            "The server would not load that.", "Download config.json again."},
    message{"mindie.weights", import_reader,
            "The folder of the weights that {file} names (modelWeightPath: '{folder}') is not there.",
            "The server would end at its start.", "Put the weights there, or import their own folder."},
    message{"safetensors.table", import_reader, "{file} has no complete tensor table.",
            "It is not a safetensors file, or was cut off.", "Download it again."},
    message{"gguf.header", import_reader, "{file} does not begin as a GGUF file of version 2 or 3.",
            "No server can load it.", "Download it again."},
    message{"gguf.no-model", import_reader, "There is a projector for images or sound, but no model.",
            "A projector says nothing by itself.", "Put the GGUF file of its model beside it."},
    message{"gguf.projector", import_reader,
            "{file} is a projector, so the model gets the capability 'vision'.",
            "It lets the model see images.", "For a model without images leave both out of the manifest."},
    message{"profile.mistake", import_reader, "{what}", "The profile can't be used.",
            "Fix the profile, or install it anew."},
    message{"manifest.incomplete", import_reader,
            "{what}\n"
            "set| Set it in {file} (docs/manifests.md).",
            "Corral leaves a manifest with a mistake out.", "Set what is missing in the manifest."},
    message{"import.there", import_reader,
            "{file} already exists.\n"
            "replace| 'corral import --force' of the folder replaces it; --name makes a model beside it.",
            "It may contain changes made by hand.",
            "Replace it by --force, or make a model beside it by --name."},
    message{"import.name-taken", import_reader,
            "A model named '{name}' is already defined.\n"
            "in| A model named '{name}' is already defined in {file}.",
            "Of two models with one name only the first is served.", "Say --name for another name."},
    message{"import.not-mended", import_reader,
            "{what}\n"
            "bit| '{file}' could not be given its execute bit.\n"
            "why-python| The script ends with ModuleNotFoundError.\n"
            "why-bit| It belongs to another user, or the disk is read-only.\n"
            "do-bit| Run: sudo chmod +x {file}",
            "--fix could not fix this.", "Fix that, then import again with --fix."},
    message{"import.folder-name", import_reader,
            "root| The folder of --root has a name that can't be taken out of the manifest.\n"
            "The package's folder has a name that can't be written into a manifest.\n"
            "do-root| Rename the folder, without quotes and backslashes.",
            "A manifest is UTF-8 text.", "Rename the folder."},
    message{"import.elsewhere", import_reader,
            "Libraries and Python modules of the other system were not looked for.\n"
            "modules| Python modules of the other system were not looked for.",
            "The package is judged for another system than this one.", "Run 'corral check' there."},
};

}  // namespace corral::core::messages
