//! The documentation in introspection data, as every reader takes it.
//!
//! The contract's files carry it in elements with a namespace of their own, as those of other services do. The
//! format's DTD has no such elements, and a reader that is strict, busctl for one, refuses the whole document for
//! them. On the wire each is therefore the annotation that gdbus has for it, which who does not know it passes over.

const NAMESPACE: &str = " xmlns:doc=\"http://www.freedesktop.org/dbus/1.0/doc.dtd\"";
const OPEN: &str = "<doc:doc>";
const CLOSE: &str = "</doc:doc>";
const ANNOTATION: &str = "org.gtk.GDBus.DocString";

/// The same document with annotations in place of the elements.
pub(super) fn annotated(document: &str) -> String {
    let mut out = String::with_capacity(document.len());
    let mut rest = document;
    while let Some((before, (text, after))) = next(rest) {
        out.push_str(before);
        for part in ["<annotation name=\"", ANNOTATION, "\" value=\""] {
            out.push_str(part);
        }
        out.push_str(&paragraphs(text));
        out.push_str("\"/>");
        rest = after;
    }
    out.push_str(rest);
    out.replacen(NAMESPACE, "", 1)
}

/// What is before the next element, in it and after it.
fn next(document: &str) -> Option<(&str, (&str, &str))> {
    let (before, rest) = document.split_once(OPEN)?;
    Some((before, rest.split_once(CLOSE)?))
}

/// The paragraphs of an element, a line each. Its text is escaped for XML already, but for the quotation marks.
fn paragraphs(element: &str) -> String {
    let paragraphs = element.split("<doc:para>").skip(1);
    let lines = paragraphs.map(|paragraph| {
        let text = paragraph.split("</doc:para>").next().unwrap_or_default();
        let words: Vec<_> = text.split_whitespace().collect();
        words.join(" ").replace('"', "&quot;")
    });
    lines.collect::<Vec<_>>().join("&#10;")
}

#[cfg(test)]
mod tests {
    use bgcopy_bus::{introspection, names::Object};

    use super::*;

    #[test]
    fn an_element_becomes_an_annotation_with_a_line_for_each_paragraph() {
        let document = "<node xmlns:doc=\"http://www.freedesktop.org/dbus/1.0/doc.dtd\">\n  <doc:doc><doc:description>\n\
            <doc:para>\n  A &lt;b&gt;\n  \"c\"\n</doc:para><doc:para>D</doc:para>\n</doc:description></doc:doc>\n</node>";
        assert_eq!(
            annotated(document),
            "<node>\n  <annotation name=\"org.gtk.GDBus.DocString\" value=\"A &lt;b&gt; &quot;c&quot;&#10;D\"/>\n</node>"
        );
    }

    #[test]
    fn nothing_of_the_namespace_is_left_and_every_documentation_is_kept() {
        let document = introspection::document(Object::Manager, ["jobs"]);
        let annotated = annotated(&document);
        assert!(!annotated.contains("doc:"), "{annotated}");
        let documented = document.matches(OPEN).count();
        assert!(documented > 10);
        assert_eq!(annotated.matches(ANNOTATION).count(), documented);
        assert!(!annotated.contains("value=\"\"/>"), "{annotated}");
    }
}
