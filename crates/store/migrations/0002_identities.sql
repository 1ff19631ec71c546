-- A file's identity is recorded with its last byte, and a file that is about to be named has no phase of its own.

UPDATE files
SET phase = json_object(
    'phase', 'transferred',
    'length_unverified', json('true'),
    'inode', json_extract(phase, '$.inode')
)
WHERE json_extract(phase, '$.phase') = 'publishing';
