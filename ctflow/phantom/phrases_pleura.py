"""Phrasings of what lies around the lungs and between them."""

from __future__ import annotations

from ctflow.phantom.phrases import AMOUNTS, GRADES, SIZES_OF_A_THING, Phrases
from ctflow.phantom.truth import Kind

BOTH_EQUAL = (
    "{Size} bilateral pleural effusions.",
    "Bilateral {size} pleural effusions.",
    "Bilateral {size} pleural effusion is observed.",
    "There are {size} pleural effusions on both sides.",
    "{Size} pleural effusion on both sides.",
    "{Size} fluid in both pleural spaces.",
    "{Size} effusions in both hemithoraces.",
    "Bilateral pleural effusions, {size} on both sides.",
)
BOTH_EQUAL_NEW = ("{Size} amounts of pleural fluid collect on either side.",)
BOTH_DIFFERENT = (
    "Bilateral pleural effusions, {r} on the right and {l} on the left.",
    "Bilateral pleural effusions, {l} on the left and {r} on the right.",
    "{R} right and {l} left pleural effusions.",
    "{L} left and {r} right pleural effusions.",
    "There is a {r} right and a {l} left pleural effusion.",
    "Pleural effusion on both sides: {r} on the right, {l} on the left.",
    "Bilateral pleural fluid, {r} in the right and {l} in the left hemithorax.",
    "{R} pleural effusion on the right, {l} pleural effusion on the left.",
)
BOTH_DIFFERENT_NEW = ("Pleural fluid is {r} on the right; on the left it is {l}.",)
SIDE_DENIAL = (
    "No effusion on the {side}.",
    "No pleural effusion on the {side}.",
    "There is no {side} pleural effusion.",
    "The {side} pleural space is clear of fluid.",
    "No fluid in the {side} hemithorax.",
    "No {side}-sided pleural effusion.",
    "The {side} pleural cavity is free of fluid.",
    "{Side} pleural effusion was not detected.",
)

PLEURA: dict[Kind, Phrases] = {
    "Pleural effusion": Phrases(
        words=AMOUNTS,
        told=(
            "{Size} {side} pleural effusion.",
            "{Size} {side} pleural effusion.",
            "{Size} {side}-sided pleural effusion.",
            "There is a {size} pleural effusion on the {side}.",
            "There is a {size} {side} pleural effusion.",
            "{Size} pleural effusion on the {side}.",
            "{Size} pleural effusion is seen on the {side} side.",
            "A {size} pleural effusion is observed in the {side} hemithorax.",
            "{Size} effusion in the {side} pleural space.",
            "{Size} {side} effusion.",
            "{Size} pleural fluid on the {side}.",
            "There is a {size} amount of fluid in the {side} pleural cavity.",
            "{Size} amount of free fluid in the {side} hemithorax.",
            "{Side} pleural effusion, {size}.",
            "{Side}-sided {size} pleural effusion is present.",
            "A {size} amount of fluid is seen in the {side} hemithorax.",
            "{Size} {side} pleural effusion measuring {mm} mm at its thickest point.",
            "There is a {size} pleural effusion reaching {mm} mm in thickness in the {side} hemithorax.",
            "{Size} pleural effusion with a depth of {cm} cm is observed on the {side}.",
            "Pleural effusion of approximately {ml} ml on the {side}, {size}.",
        ),
        told_new=(
            "Fluid layers in the {side} pleural cavity, {size} in amount.",
            "The {side} hemithorax contains a {size} volume of pleural fluid.",
            "{Side}-sided pleural fluid of {size} quantity is noted.",
        ),
        denied=(
            "No pleural effusion.",
            "No pleural effusion.",
            "Pleural effusion was not detected.",
            "There is no pleural effusion.",
            "There is no pleural effusion on either side.",
            "Pleural spaces are clear.",
            "Bilateral pleural effusion was not observed.",
            "No evidence of pleural effusion.",
            "Pleural effusion-thickening was not detected.",
            "No fluid in the pleural spaces.",
            "Both pleural cavities are free of fluid.",
            "No effusion.",
            "Without pleural effusion.",
        ),
        denied_new=("Neither pleural space contains fluid.", "Pleural fluid is absent."),
    ),
    "Pneumothorax": Phrases(
        words=AMOUNTS,
        told=(
            "{Size} {side} pneumothorax.",
            "{Size} {side} pneumothorax.",
            "{Size} {side}-sided pneumothorax.",
            "There is a {size} pneumothorax on the {side}.",
            "{Side} pneumothorax, {size}.",
            "A {size} pneumothorax is observed in the {side} hemithorax.",
            "{Size} pneumothorax {where}.",
            "There is a {size} amount of free air in the {side} pleural space.",
            "{Size} {side} pneumothorax of approximately {ml} ml.",
        ),
        told_new=(
            "Air has collected in the {side} pleural cavity, {size} in amount.",
            "The {side} lung is partly collapsed by a {size} pneumothorax.",
        ),
        denied=(
            "No pneumothorax.",
            "No pneumothorax was detected.",
            "Pneumothorax was not observed.",
            "There is no pneumothorax.",
            "No evidence of pneumothorax.",
        ),
        denied_new=("The pleural cavities contain no free air.", "Pneumothorax is absent."),
    ),
    "Cardiomegaly": Phrases(
        told=(
            "{Size} cardiomegaly.",
            "{Size} cardiomegaly is observed.",
            "There is {size} cardiomegaly.",
            "The heart is {size} enlarged, cardiothoracic ratio {ratio}.",
            "Heart size has increased, {size}.",
            "The cardiothoracic index increased in favour of the heart, {size} cardiomegaly.",
            "{Size} enlargement of the heart with a cardiothoracic ratio of {ratio}.",
            "{Size} cardiomegaly, cardiothoracic ratio {ratio}.",
        ),
        told_new=("The cardiac silhouette is enlarged to a {size} degree.", "{Size} increase of heart size is noted."),
        denied=(
            "Heart size is normal.",
            "Heart contour and size are normal.",
            "Cardiothoracic index is normal.",
            "No cardiomegaly.",
            "The heart is not enlarged.",
        ),
        denied_new=("Cardiac dimensions are within normal limits.", "There is no enlargement of the heart."),
    ),
    "Pericardial effusion": Phrases(
        words=AMOUNTS,
        told=(
            "{Size} pericardial effusion.",
            "There is a {size} pericardial effusion.",
            "{Size} pericardial effusion measuring {mm} mm in thickness.",
            "{Size} effusion in the pericardial space, {mm} mm at its thickest point.",
            "Pericardial effusion reaching {mm} mm, {size}.",
            "{Size} amount of fluid in the pericardium.",
        ),
        told_new=(
            "Fluid of {size} amount surrounds the heart.",
            "The pericardium holds a {size} collection of {mm} mm.",
        ),
        denied=(
            "No pericardial effusion.",
            "Pericardial effusion was not observed.",
            "Pericardial effusion-thickening was not observed.",
            "There is no pericardial effusion.",
            "No fluid in the pericardial space.",
        ),
        denied_new=("The pericardium contains no fluid.", "Pericardial fluid is absent."),
    ),
    "Coronary artery wall calcification": Phrases(
        told=(
            "{Size} coronary artery calcification.",
            "{Size} calcific atheroma plaques in the coronary arteries.",
            "{Size} calcifications in the coronary artery walls.",
            "There are {size} calcified plaques in the coronary arteries.",
            "Coronary artery wall calcifications, {size}.",
        ),
        told_new=("The coronary arteries show {size} calcium.", "{Size} calcified atherosclerosis of the coronaries."),
        denied=(
            "No coronary artery calcification.",
            "Calcification was not observed in the coronary arteries.",
            "There are no calcified plaques in the coronary arteries.",
        ),
        denied_new=("The coronary arteries are free of calcium.",),
    ),
    "Arterial wall calcification": Phrases(
        told=(
            "{Size} calcification of the aortic wall.",
            "{Size} calcific atheroma plaques in the aorta.",
            "{Size} atherosclerotic wall calcifications in the thoracic aorta.",
            "There are {size} calcified plaques in the wall of the aortic arch and descending aorta.",
            "Arterial wall calcifications, {size}.",
        ),
        told_new=("The thoracic aorta carries {size} mural calcium.", "{Size} calcified atherosclerosis of the aorta."),
        denied=(
            "No calcification of the aortic wall.",
            "Calcified plaques were not observed in the aorta.",
            "No arterial wall calcification.",
        ),
        denied_new=("The aortic wall is free of calcium.",),
    ),
    "Hiatal hernia": Phrases(
        words=SIZES_OF_A_THING,
        told=(
            "{Size} hiatal hernia.",
            "There is a {size} hiatal hernia.",
            "{Size} sliding type hiatal hernia at the lower end of the oesophagus.",
            "{Size} hiatal hernia measuring {mm} mm.",
            "Hiatal hernia, {size}, with a diameter of {cm} cm.",
        ),
        told_new=(
            "Part of the stomach has slid into the chest as a {size} hernia.",
            "A {size} hernia at the hiatus, {mm} mm.",
        ),
        denied=("No hiatal hernia.", "Hiatal hernia was not observed.", "There is no hiatal hernia."),
        denied_new=("The oesophageal hiatus is of normal width.",),
    ),
    "Lymphadenopathy": Phrases(
        words=SIZES_OF_A_THING,
        told=(
            "Mediastinal lymphadenopathy with a short axis of up to {mm} mm.",
            "Lymph nodes in pathological size in the mediastinum, the largest with a short axis of {mm} mm.",
            "{Size} mediastinal lymphadenopathy, the largest node measures {mm} mm.",
            "Enlarged mediastinal and hilar lymph nodes, short axis {mm} mm.",
            "{Size} lymphadenopathies in the mediastinum up to {mm} mm.",
        ),
        told_new=(
            "Mediastinal nodes are enlarged, up to {mm} mm across.",
            "{Size} adenopathy of the mediastinum, {mm} mm.",
        ),
        denied=(
            "No lymph node in pathological size was observed in the mediastinum.",
            "No enlarged mediastinal or hilar lymph nodes.",
            "No lymphadenopathy.",
            "Lymphadenopathy was not detected.",
        ),
        denied_new=("Mediastinal nodes are of normal size.",),
    ),
    "Medical material": Phrases(
        words=GRADES,
        told=("{Device}.", "{Device} seen.", "{Device} in place.", "{Device} observed.", "Medical material: {device}."),
        told_new=("Status post placement of {device}.", "The study shows {device}."),
        denied=(
            "No medical material.",
            "No catheter, tube or other medical device.",
            "No foreign material in the thorax.",
        ),
        denied_new=("Devices are absent.",),
    ),
}
