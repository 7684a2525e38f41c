internal import CLibYAML

/// The library that recipes are read with.
package enum RecipeLibraries {
  /// Its name and version, as it is loaded.
  package static var versions: [(name: String, version: String)] {
    // SAFETY: a text that is part of the library.
    unsafe [("libyaml", String(cString: yaml_get_version_string()))]
  }
}
