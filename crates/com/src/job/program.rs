//! The command line of the program that is run when something is due.
//!
//! Windows has one text for all arguments, of which the first is the program's own name; the service has a list. Owns
//! the way between the two, by the rules of `CommandLineToArgvW`. Must never run anything, and knows no shell.

use bgcopy_model::HResult;

use crate::fault::Outcome;

/// The service's list. No program: none is run.
///
/// # Errors
/// `E_INVALIDARG` for parameters without a program.
pub fn command(program: Option<String>, parameters: Option<&str>) -> Outcome<Vec<String>> {
    match (program, parameters) {
        (None, None) => Ok(Vec::new()),
        (None, Some(_)) => Err(HResult::E_INVALIDARG.into()),
        (Some(program), parameters) => {
            // The first of them is the name by which the program is to know itself, which is its path here.
            let arguments = words(parameters.unwrap_or_default()).into_iter().skip(1);
            Ok(std::iter::once(program).chain(arguments).collect())
        }
    }
}

/// All of the list as one text, the program's own name included.
pub fn line(command: &[String]) -> String {
    let quoted: Vec<String> = command.iter().map(|word| quote(word)).collect();
    quoted.join(" ")
}

fn words(line: &str) -> Vec<String> {
    let (mut words, mut word, mut quoted) = (Vec::new(), None::<String>, false);
    let mut characters = line.chars().peekable();
    while let Some(character) = characters.next() {
        match character {
            ' ' | '\t' if !quoted => words.extend(word.take()),
            '"' => {
                word.get_or_insert_default();
                quoted = !quoted;
            }
            '\\' => {
                let mut count = 1;
                while characters.next_if_eq(&'\\').is_some() {
                    count += 1;
                }
                let word = word.get_or_insert_default();
                // Before a quotation mark two of them are one, and one more makes the mark a character.
                if characters.peek() == Some(&'"') {
                    word.extend(std::iter::repeat_n('\\', count / 2));
                    if count % 2 == 1 {
                        word.extend(characters.next());
                    }
                } else {
                    word.extend(std::iter::repeat_n('\\', count));
                }
            }
            other => word.get_or_insert_default().push(other),
        }
    }
    words.extend(word);
    words
}

fn quote(word: &str) -> String {
    let is_plain = !word.is_empty() && !word.contains([' ', '\t', '"']);
    if is_plain {
        return word.to_owned();
    }
    let (mut quoted, mut backslashes) = (String::from('"'), 0);
    for character in word.chars() {
        if character == '"' {
            quoted.extend(std::iter::repeat_n('\\', backslashes + 1));
        }
        backslashes = if character == '\\' {
            backslashes + 1
        } else {
            0
        };
        quoted.push(character);
    }
    quoted.extend(std::iter::repeat_n('\\', backslashes));
    quoted.push('"');
    quoted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_cut_into_the_words_that_were_put_together() {
        for all in [
            vec!["/bin/tool"],
            vec!["/opt/my tool", "-v", "two words", ""],
            vec!["t", "say \"hello\"", r"c:\dir\", r"a\\b", r#"end\""#],
        ] {
            let all: Vec<String> = all.into_iter().map(str::to_owned).collect();
            assert_eq!(words(&line(&all)), all);
        }
    }

    #[test]
    fn the_first_parameter_is_the_programs_own_name() {
        let made = command(Some("/bin/a".into()), Some("a.exe  -x \"1 2\""));
        assert_eq!(made.unwrap(), ["/bin/a", "-x", "1 2"]);
        assert_eq!(command(Some("/bin/a".into()), None).unwrap(), ["/bin/a"]);
        assert!(command(None, None).unwrap().is_empty());
        assert!(command(None, Some("a")).is_err());
    }
}
